// Which edits of a task the running matcher takes over: numbers that count from its next decision on. Used by the handler's `create`.
import type { WorkerConfig } from '../../config/worker.ts';
import type { MatchSettings } from './core/settings.ts';
import { matchSettings } from './options.ts';

/** Sizes of tables and queues, and what every earlier decision rests on. */
const fixed = ['acrossCamera', 'maxTraces', 'maxVectors', 'maxStays', 'maxWaiting'] as const;

/**
 * Changes `settings`, which the matcher reads at each decision. False when anything else differs: then a new process goes on
 * with what the store holds.
 * @throws PermanentError for a number that is not known
 */
export function retune(settings: MatchSettings, before: WorkerConfig, after: WorkerConfig): boolean {
  const wanted = matchSettings(after.match, after.models.embed);
  if (fixed.some((name) => wanted[name] !== settings[name])) return false;
  if (withoutNumbers(before) !== withoutNumbers(after)) return false;
  Object.assign(settings, wanted);
  return true;
}

function withoutNumbers({ match, cameras }: WorkerConfig): string {
  const { threshold: _1, margin: _2, votes: _3, params: _4, ...rest } = match;
  const parts = cameras.map(({ id, source, homography }) => ({ id, source, homography }));
  return JSON.stringify([rest, parts]);
}
