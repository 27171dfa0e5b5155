// The ways between cameras: what the task allows, and what matching learned of how people go. runSource.ts shows them.
import type { Status } from '../../config/schema/status.ts';
import type { TaskFacts } from './taskFacts.ts';
import type { WayView } from './types.ts';

type LearnedWay = NonNullable<NonNullable<NonNullable<Status['output']>['site']>['ways']>[number];

/** All that the task names or that was learned, most travelled first; times in seconds. */
export function waysOf(learned: readonly LearnedWay[], allowed: TaskFacts['allowed']): WayView[] {
  const ways = new Map<string, WayView>();
  for (const { from, to, minS, maxS } of allowed) {
    const limits = { minS, maxS };
    ways.set(keyOf(from, to), { from, to, allowed: limits });
    // A limit of the task holds in both directions.
    if (learned.some((way) => way.from === to && way.to === from))
      ways.set(keyOf(to, from), { from: to, to: from, allowed: limits });
  }
  for (const { from, to, people, share, quickSeconds, usualSeconds, slowSeconds } of learned) {
    const times = { quickS: quickSeconds, usualS: usualSeconds, slowS: slowSeconds };
    const seen = { people, ...(share !== undefined && { share }), ...times };
    const key = keyOf(from, to);
    ways.set(key, { from, to, ...ways.get(key), seen });
  }
  return [...ways.values()].sort((a, b) => (b.seen?.people ?? 0) - (a.seen?.people ?? 0));
}

function keyOf(from: string, to: string): string {
  return JSON.stringify([from, to]);
}
