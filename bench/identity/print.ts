// The benchmark's figures on the console, a line as soon as it is known. Called by main.ts.
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import type { Row } from './rows.ts';

let lastSet = '';

export function printHeader(embedder: string, { threshold, margin }: MatchSettings): void {
  console.log(`\nembedder ${embedder}, threshold ${threshold}, margin ${margin}\n`);
  console.log(
    'set                  method                  IDF1  AssA  rank-1  precision recall purity  identities/people  ms/tracklet',
  );
}

export function printRow({ set, stride, method, scores, rankOne = NaN, msPerTracklet }: Row): void {
  const name = `${set} 1/${stride}`;
  const share = (value: number, width: number) =>
    (Number.isNaN(value) ? '' : value.toFixed(3).replace(/^0/, '')).padEnd(width);
  console.log(
    `${(name === lastSet ? '' : name).padEnd(20)} ${method.padEnd(23)}` +
      `${share(scores.idf1, 6)}${share(scores.assa, 6)}${share(rankOne, 8)}${share(scores.precision, 10)}` +
      `${share(scores.recall, 7)}${share(scores.purity, 8)}` +
      `${`${scores.identities}/${scores.people}`.padEnd(19)}${msPerTracklet?.toFixed(2) ?? ''}`,
  );
  lastSet = name;
}
