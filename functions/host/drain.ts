// Ends a worker without losing what it accepted; worker.ts calls it on the first signal.
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from 'node:http';
import type { Chain } from './chain.ts';
import type { Emitter } from './emit.ts';
import type { NodeOutbox } from './nodeOutbox.ts';
import type { Reports } from './reports.ts';
import type { HostedStage } from './stage.ts';

export interface DrainParts {
  server: Server;
  /** In the order of the chain. */
  stages: HostedStage[];
  reports: Reports;
  chain: Chain;
  emitter: Emitter;
  outbox: NodeOutbox | undefined;
  /** Takes events out of a stream, and holds the connection on which others are sent. */
  stream: { stop(): Promise<void>; close(): Promise<void> } | undefined;
  /** Aborted at once: sources stop. */
  draining: AbortController;
  /** Aborted at the deadline, or when all is done: tries and waits end. */
  stopped: AbortController;
  graceMs: number;
  deadlineMs: number;
  onState: (state: 'draining' | 'closed') => void;
}

/** Last reports are worth no more waiting than this. */
const lastReportsMs = 3000;

/**
 * Readiness goes first, then new events are refused, then each stage in the order of the chain handles what it has
 * and is shut down, so that what it emits then still finds the next one working.
 * @throws Error when the deadline passes first, after giving up what is left
 */
export async function drain(parts: DrainParts): Promise<void> {
  const { server, stages, stopped } = parts;
  parts.onState('draining');
  parts.draining.abort();
  const late = new AbortController();
  const deadline = delay(parts.deadlineMs, 'late' as const, { signal: late.signal }).catch(
    () => 'late' as const,
  );
  const work = finishStages(parts).then(() => 'done' as const);
  try {
    if ((await Promise.race([work, deadline])) === 'late') {
      work.catch(() => undefined);
      const left = stages.map(({ name, inbox }) => `${name} ${inbox.length}`).join(', ');
      throw new Error(`shutting down took longer than ${parts.deadlineMs} ms; events left: ${left}`);
    }
  } finally {
    late.abort();
    parts.reports.stop();
    stopped.abort();
    server.close();
    server.closeAllConnections();
    await parts.emitter.close();
    await parts.outbox?.close();
    await parts.stream?.close();
  }
}

async function finishStages(parts: DrainParts) {
  const { server, stages, chain, reports, graceMs, onState } = parts;
  if (graceMs > 0) await delay(graceMs);
  onState('closed');
  server.close();
  // Senders keep their connections open after their last event; a closed listener alone would wait for them.
  const ticker = setInterval(() => server.closeIdleConnections(), 50);
  ticker.unref();
  server.once('close', () => clearInterval(ticker));
  // What is under way is still stored and acknowledged; the rest stays in the stream.
  await parts.stream?.stop();
  const takesReports = ({ spec }: HostedStage) => spec.consumes.includes('report');
  for (const hosted of stages) {
    const { inbox, stage, context } = hosted;
    // The last reports have to come before the stage that takes them ends.
    if (takesReports(hosted)) await reports.finish(lastReportsMs);
    await hosted.idle();
    // A request whose body arrived late may have slipped in; from here on none can.
    inbox.close();
    await hosted.idle();
    await stage.shutdown?.(context);
  }
  await chain.idle();
  if (!stages.some(takesReports)) await reports.finish(lastReportsMs);
  // What the cloud does not take now stays on the disk for the next process.
  await parts.outbox?.settle();
}
