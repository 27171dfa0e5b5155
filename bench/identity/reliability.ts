// Whether a stated probability is kept: of joins of two groups of tracks that the matcher is so sure of, how many are right.
// Called by main.ts.
import { cluster } from '../../functions/match/core/cluster.ts';
import type { MatchSettings } from '../../functions/match/core/settings.ts';
import { traceKey } from '../../functions/match/core/trace.ts';
import type { Believed } from './believed.ts';

/** One join of two groups. */
export interface Join {
  /** Log-odds that both are one person, as stated. */
  odds: number;
  right: boolean;
}

export interface Bin {
  /** Log-odds: from this one, up to the next bin's. */
  from: number;
  joins: number;
  /** Means over the joins. */
  stated: number;
  observed: number;
}

const edges = [0, 0.5, 1, 2, 3, 5, 8];

/** Every join of the final grouping; those of groups that show nobody who is annotated are left out. */
export function joinsOf(
  { traces, similarities, evidence }: Believed,
  people: ReadonlyMap<string, string>,
  settings: MatchSettings,
): Join[] {
  const joins: Join[] = [];
  const person = traces.map(({ camera, track }) => people.get(traceKey(camera, track)));
  const alone = Int32Array.from(traces, (_, i) => i);
  cluster(traces, similarities.odds(traces), alone, evidence, settings, (a, b, odds) => {
    const [first, second] = [mostOf(a, person), mostOf(b, person)];
    if (first !== undefined && second !== undefined) joins.push({ odds, right: first === second });
  });
  return joins;
}

export function binned(joins: readonly Join[]): Bin[] {
  return edges.map((from, i) => {
    const inside = joins.filter(({ odds }) => odds >= from && odds < (edges[i + 1] ?? Infinity));
    const mean = (value: (join: Join) => number) =>
      inside.reduce((sum, join) => sum + value(join), 0) / inside.length;
    return {
      from,
      joins: inside.length,
      stated: mean(({ odds }) => probability(odds)),
      observed: mean(({ right }) => Number(right)),
    };
  });
}

/** Mean distance of what was stated from what came true, over bins, weighted by their joins. */
export function calibrationError(joins: readonly Join[]): number {
  return binned(joins)
    .filter((bin) => bin.joins > 0)
    .reduce((sum, bin) => sum + (bin.joins / joins.length) * Math.abs(bin.stated - bin.observed), 0);
}

export function probability(odds: number): number {
  return 1 / (1 + Math.exp(-odds));
}

function mostOf(members: readonly number[], person: readonly (string | undefined)[]): string | undefined {
  const counts = new Map<string, number>();
  for (const member of members) {
    const who = person[member];
    if (who !== undefined) counts.set(who, (counts.get(who) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
