// A match worker as a process of its own, for owners.ts: the real stage behind the real server, with its store. Answers
// `figures` of its parent.
import { createLog } from '../../functions/host/log.ts';
import { startWorker } from '../../functions/host/worker.ts';
import { create } from '../../functions/match/handler.ts';
import { loadFunctions } from '../../config/functions.ts';
import type { WorkerConfig } from '../../config/worker.ts';

/** What it sends to its parent: first where it listens, then an answer for each question. */
export type Word = { port: number } | { figures: Record<string, number>; waiting: number };

process.once('disconnect', () => process.exit());
const config = JSON.parse(process.argv[2]!) as WorkerConfig;
const worker = await startWorker({
  config,
  functions: loadFunctions(),
  load: async () => create,
  log: createLog('error', { worker: config.worker }),
  port: 0,
  host: '127.0.0.1',
  reportIntervalMs: 3_600_000,
  drainDeadlineMs: 20_000,
  drainGraceMs: 0,
});
process.on('message', () => {
  const [stage] = worker.stages;
  tell({ figures: stage!.status()?.figures ?? {}, waiting: stage!.inbox.length });
});
tell({ port: worker.port });

function tell(word: Word): void {
  process.send!(word);
}
