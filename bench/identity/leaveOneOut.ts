// Whether the shipped numbers are fitted to single sets: the most influential ones are chosen on all sets but one and scored on the
// one left out. Called by main.ts.
import { defaultSettings, type MatchSettings } from '../../functions/match/core/settings.ts';
import { markdownTable } from '../machine.ts';
import { replay } from '../matching/replay.ts';
import { ownSettings } from './rows.ts';
import type { IdentitySet } from './sets.ts';
import { figure } from './tables.ts';

/** Each is changed alone, the others as shipped. Thresholds belong to models: theirs is moved by so much. */
const changes: Record<string, (settings: MatchSettings) => Partial<MatchSettings>> = {
  'as shipped': () => ({}),
  'threshold - 0.04': ({ threshold }) => ({ threshold: threshold - 0.04 }),
  'threshold + 0.04': ({ threshold }) => ({ threshold: threshold + 0.04 }),
  ...scaled('slope', [0.7, 1.4]),
  ...scaled('gapWeight', [0.7, 1.4]),
  ...scaled('leadOdds', [0]),
  ...scaled('positionErrorM', [0.5, 2]),
};

function scaled(
  name: 'slope' | 'gapWeight' | 'leadOdds' | 'positionErrorM',
  factors: number[],
): typeof changes {
  return Object.fromEntries(
    factors.map((factor) => {
      const value = Number((defaultSettings[name] * factor).toPrecision(3));
      return [`${name} ${value}`, () => ({ [name]: value })];
    }),
  );
}

/** IDF1 of every set under every change, and what the choice without the set gives it. */
export function leaveOneOut(sets: readonly IdentitySet[], settings: MatchSettings): string {
  const names = Object.keys(changes);
  const scores = sets.map((set) =>
    names.map((name) => {
      const own = ownSettings(set, { ...settings, ...changes[name]!(settings) });
      const { idf1 } = set.score(replay(set.recording, own, set.topology).final);
      console.error(`${set.name}: ${name}: ${figure(idf1)}`);
      return idf1;
    }),
  );
  const rows = sets.map(({ name }, left) => {
    const others = scores.filter((_, i) => i !== left);
    const chosen = bestOf(names.map((_, k) => others.reduce((sum, line) => sum + line[k]!, 0)));
    const own = bestOf(scores[left]!);
    return [
      name,
      figure(scores[left]![0]!),
      names[chosen]!,
      figure(scores[left]![chosen]!),
      names[own]!,
      figure(scores[left]![own]!),
    ];
  });
  const all = markdownTable(
    ['set', ...names],
    sets.map(({ name }, i) => [name, ...scores[i]!.map(figure)]),
  );
  const header = ['set left out', 'as shipped', 'chosen on the others', 'gives', 'best for itself', 'gives'];
  return `${markdownTable(header, rows)}\n\n${all}`;
}

/** The first of the largest: of equals, what is shipped. */
function bestOf(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! + 1e-9 ? i : best), 0);
}
