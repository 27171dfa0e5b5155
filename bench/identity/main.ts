// `npm run bench:identity`: identities across cameras of our matcher, of plain ways, and of the matcher with parts left out.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { defaultSettings, type MatchSettings } from '../../functions/match/core/settings.ts';
import { matchAlone, matchNearest, matchOffline, matchOnline } from '../matching/matchers.ts';
import type { Scores } from '../matching/scores.ts';
import { stagesOf, type Stage } from './ablation.ts';
import { rankOne } from './rankOne.ts';
import { setsAt, type IdentitySet, type Sources } from './sets.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', default: 'reid-0286' },
    strides: { type: 'string', default: '1,3,6' },
    only: { type: 'string', multiple: true, default: [] },
    set: { type: 'string', multiple: true, default: [] },
    ablation: { type: 'boolean', default: false },
    site: { type: 'boolean', default: false },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:identity -- [--ablation] [--site] [--only market|split|wildtrack|multiviewx]... [--strides 1,3,6]
    [--embedder row] [--detector row] [--set name=value]... [--cache folder]
  --ablation  the matcher with its parts added one after the other
  --site      what the matcher found out about each site
  --set       a number of functions/match/core/settings.ts, such as --set slope=20
Settings are tuned on half of Market's people ("tune") and checked on the other half ("check"). Needs ../shared (SHARED_DIR).`);
  process.exit(0);
}
if (!existsSync(join(shared, 'data'))) {
  console.error(
    `identity: ${join(shared, 'data')} is missing: set SHARED_DIR to the folder that holds data/ and models/`,
  );
  process.exit(1);
}

const sources: Sources = {
  dataFolder: join(shared, 'data'),
  cacheFolder: values.cache,
  detector: resolveModel({ name: values.detector }, 'detect'),
  embedder: resolveModel({ name: values.embedder }, 'embed'),
};
const settings: MatchSettings = {
  ...defaultSettings,
  threshold: sources.embedder.sameThreshold ?? defaultSettings.threshold,
  margin: sources.embedder.margin ?? defaultSettings.margin,
  ...ownNumbers(values.set),
};

console.log(
  `embedder ${sources.embedder.name}, threshold ${settings.threshold}, margin ${settings.margin}\n`,
);
console.log(
  'set                 method          IDF1  AssA  rank-1  precision recall purity  identities/people  ms/tracklet',
);
for (const stride of values.strides.split(',').map(Number)) {
  for (const set of await setsAt(stride, sources, values.only)) {
    if (values.ablation) ablate(set);
    else compare(set);
  }
}

function compare(set: IdentitySet): void {
  const { recording, score } = set;
  print(recording.name, 'cameras alone', score(matchAlone(recording)));
  print('', 'nearest', score(matchNearest(recording, settings.threshold)));
  print('', 'offline', score(matchOffline(recording, settings.threshold)));
  const whole: Stage = { name: 'ours', ground: true, settings };
  run(set, whole, 'ours');
  if (set.visitS !== undefined)
    run(set, { ...whole, settings: { ...settings, maxAbsenceS: set.visitS } }, 'ours, visits');
}

function ablate(set: IdentitySet): void {
  console.log(set.recording.name);
  const own = set.visitS === undefined ? settings : { ...settings, maxAbsenceS: set.visitS };
  for (const stage of stagesOf(own)) run(set, stage, stage.name);
}

/** The matcher while it runs and, where that differs, at the end. */
function run(set: IdentitySet, stage: Stage, name: string): void {
  const { ground: _, ...withoutGround } = set.recording;
  const recording = stage.ground ? set.recording : withoutGround;
  const { live, final, msPerTracklet, report } = matchOnline(recording, stage.settings, set.topology);
  const isReclustering = stage.settings.regroupS < Infinity;
  print('', `${name}, live`, set.score(live), rankOne(set, stage, live), msPerTracklet);
  if (isReclustering) print('', name, set.score(final));
  if (values.site && isReclustering) console.log(JSON.stringify(report, undefined, 1));
}

function print(set: string, method: string, scores: Scores, rank = NaN, ms = NaN): void {
  const share = (value: number, width: number) =>
    (Number.isNaN(value) ? '' : value.toFixed(3).replace(/^0/, '')).padEnd(width);
  console.log(
    `${set.padEnd(18)} ${method.padEnd(22)}` +
      `${share(scores.idf1, 6)}${share(scores.assa, 6)}${share(rank, 8)}${share(scores.precision, 10)}` +
      `${share(scores.recall, 7)}${share(scores.purity, 8)}` +
      `${`${scores.identities}/${scores.people}`.padEnd(19)}${Number.isNaN(ms) ? '' : ms.toFixed(2)}`,
  );
}

/** `name=value` pairs of the command line. */
function ownNumbers(pairs: string[]): Partial<MatchSettings> {
  const numbers: Record<string, number> = {};
  for (const pair of pairs) {
    const [name, value] = pair.split('=');
    if (name === undefined || !(name in defaultSettings) || !Number.isFinite(Number(value))) {
      console.error(
        `identity: --set ${pair}: wants name=value with a name of functions/match/core/settings.ts`,
      );
      process.exit(1);
    }
    numbers[name] = Number(value);
  }
  return numbers;
}
