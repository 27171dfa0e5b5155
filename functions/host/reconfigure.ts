// Takes over a newer configuration while a worker runs, so that untouched cameras lose nothing. worker.ts offers it, main.ts calls it.
import { fixedPart, isSame, livePart } from '../../config/liveParts.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Log } from '../function.ts';
import type { HostedStage } from './stage.ts';

/**
 * unchanged: nothing that the stages read; taken: in force; restart: only a new process can take it; replaced: only new pods
 * can, which the controller is about to make; stale: older than what is in force, or of another task; refused: it cannot work.
 */
export type Outcome = 'unchanged' | 'taken' | 'restart' | 'replaced' | 'stale' | 'refused';

export interface Reconfiguration {
  apply(next: WorkerConfig): Promise<Outcome>;
  /** Why the newest configuration is not in force, for reports. */
  notice(): string | undefined;
}

/** @param config in force; changed in place, so that those who read it later see the newest */
export function reconfiguration(
  config: WorkerConfig,
  stages: readonly HostedStage[],
  log: Log,
): Reconfiguration {
  let notice: string | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function take(next: WorkerConfig): Promise<Outcome> {
    const outcome = await decide(next);
    const { generation } = next.task;
    if (outcome === 'refused') log.error({ generation, reason: notice }, 'another configuration refused');
    else if (outcome !== 'stale' && outcome !== 'unchanged')
      log.info({ generation, outcome }, 'another configuration');
    return outcome;
  }

  async function decide(next: WorkerConfig): Promise<Outcome> {
    const { task, worker } = next;
    if (worker !== config.worker || task.uid !== config.task.uid) return 'stale';
    if (task.generation < config.task.generation) return 'stale';
    if (!isSame(fixedPart(config), fixedPart(next))) return 'replaced';
    const concerned = stages.filter(({ name }) => !isSame(livePart(config, name), livePart(next, name)));
    try {
      // Consumers first: they must know a camera before its first event comes.
      for (const { stage, context } of concerned.toReversed())
        if (!(await stage.reconfigure?.(next, context))) return 'restart';
    } catch (error) {
      notice = `generation ${task.generation} is not in force: ${(error as Error).message}`;
      return 'refused';
    }
    notice = undefined;
    Object.assign(config, next);
    return concerned.length > 0 ? 'taken' : 'unchanged';
  }

  return {
    notice: () => notice,
    apply(next) {
      // One after the other: two sources may offer one at the same time.
      const applied = last.then(() => take(next));
      last = applied.catch(() => undefined);
      return applied;
    },
  };
}
