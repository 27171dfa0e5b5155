// The console of a task in a cluster, served by the worker that matches: the same pages, without a pixel. host/server.ts mounts it.
import { eventTypes } from '../../config/events.ts';
import type { Status } from '../../config/schema/status.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Context, Log, StageFunction } from '../function.ts';
import { scopeOf } from '../match/archive.ts';
import { placeOf } from '../match/place.ts';
import { AccessFile } from './access.ts';
import { questionsOfStage } from './peopleQuestions.ts';
import { createConsole, type Console } from './router.ts';
import { openSource } from './runSource.ts';
import { factsOf } from './taskFacts.ts';

export interface WorkerConsoleParts {
  config: WorkerConfig;
  /** Says where the store is; see match/place.ts. */
  environment: NodeJS.ProcessEnv;
  stages: readonly { name: string; stage: StageFunction; context: Context }[];
  /** Who may look; see access.ts. */
  tokensFile: string;
  /** What other workers of the task know this one by, the newest first; absent: they do not ask. */
  taskTokens?: (() => readonly string[]) | undefined;
  log: Log;
}

const statusEveryMs = 1000;
const statusTimeoutMs = 2000;

/** Undefined for workers that do not match, and have nothing to show. */
export function workerConsole(parts: WorkerConsoleParts): Console | undefined {
  const { config, environment, stages, tokensFile, log } = parts;
  const match = stages.find(({ name }) => name === 'match');
  if (!match) return undefined;
  const { stage, context } = match;
  const questions = stage.answer && questionsOfStage((asked, whose) => stage.answer!(asked, whose), context);
  const source = openSource({
    place: placeOf(config, environment),
    facts: factsOf(config),
    scope: scopeOf(config),
    status: statusReader(parts),
    ...(questions && { erase: questions.erase }),
    // Without an embedder there are no vectors to compare with.
    ...(questions && config.models.embed && { search: questions.search }),
  });
  const view = createConsole({ source, log, access: new AccessFile(tokensFile) });
  log.info({ task: config.task.name, path: '/console/' }, 'console served');
  return {
    router: view.router,
    close() {
      view.close();
      source.close();
    },
  };
}

/** Of this process where it gathers the status, else of the worker that does; kept for a moment for all who look. */
function statusReader({ config, stages, taskTokens }: WorkerConsoleParts): () => Promise<Status> {
  const own = stages.find(({ stage }) => stage.snapshot !== undefined)?.stage;
  const url = (config.direct ?? config.sinks)[eventTypes.report]?.split(' ')[0];
  let last: Promise<Status> = Promise.resolve({});
  let askedMs = -Infinity;

  async function ask(from: string): Promise<Status> {
    const token = taskTokens?.()[0];
    const answer = await fetch(new URL('status.json', from), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(statusTimeoutMs),
    });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return (await answer.json()) as Status;
  }

  return () => {
    if (own) return Promise.resolve(own.snapshot!());
    if (url === undefined || performance.now() - askedMs < statusEveryMs) return last;
    askedMs = performance.now();
    const before = last;
    // While it does not answer, what it said last is the best that is known.
    last = ask(url).catch(() => before);
    return last;
  };
}
