// The life of a worker's process, from its settings to its drain; main.ts runs it. Environment: see settings.ts.
import { extname } from 'node:path';
import { loadFunctions } from '../../config/functions.ts';
import { firstConfig, followConfig, type FeedOptions } from './configFeed.ts';
import { createLog } from './log.ts';
import { readSettings } from './settings.ts';
import { startWorker } from './worker.ts';
import { readTracing } from './tracing.ts';
import { readWorkerConfig } from './workerConfig.ts';
import type { Message } from '../../config/messages.ts';
import type { CreateStage, Log } from '../function.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import type { Worker } from './worker.ts';

/** Modules of stages lie beside this one, as .ts under tsx and as .js in dist/. */
async function load(handler: string): Promise<CreateStage> {
  const [module, name] = [
    handler.slice(0, handler.lastIndexOf('.')),
    handler.slice(handler.lastIndexOf('.') + 1),
  ];
  const url = new URL(`../../${module}${extname(import.meta.url)}`, import.meta.url);
  const exports = (await import(url.href)) as Record<string, unknown>;
  if (typeof exports[name] !== 'function')
    throw new Error(`${handler}: the module exports no function ${name}`);
  return exports[name] as CreateStage;
}

/** Runs until a signal or the parent ends it. @throws Error with all that is wrong when it cannot start */
export async function runWorkerProcess(): Promise<void> {
  const settings = readSettings(process.env);
  const mounted = readWorkerConfig(settings.configPath);
  const { task, worker: name, node } = mounted;
  const log = createLog(settings.logLevel, { task: `${task.namespace}/${task.name}`, worker: name, node });
  endOnUncaught(log);
  const ended = waitForEnd(settings.followsParent);
  const feed = { ...settings, log };
  const config = await firstConfig(feed);
  const starting = startWorker({
    ...settings,
    config,
    functions: loadFunctions(settings.functionsPath),
    load,
    log,
    environment: process.env,
    tracing: readTracing(process.env),
  });
  // Nothing was accepted before the start is complete, so there is nothing to drain.
  const first = await Promise.race([starting, ended]);
  if (typeof first === 'string') return exit(log, 0, { cause: first }, 'ended while starting');
  log.info({ port: first.port, stages: config.stages }, 'listening');
  process.send?.({ type: 'listening', port: first.port });
  const cause = await Promise.race([ended, untilRestart(first, feed, config)]);
  log.info({ cause }, 'draining');
  await end(first, log);
}

/** Follows newer configurations; resolves when there is one that only a new process can take. */
function untilRestart(worker: Worker, feed: FeedOptions, config: WorkerConfig): Promise<string> {
  const over = new AbortController();
  return new Promise((resolve, reject) => {
    const offer = (next: WorkerConfig) => {
      worker.reconfigure(next).then((outcome) => {
        if (outcome !== 'restart') return;
        over.abort();
        resolve(`generation ${next.task.generation} needs a new process`);
      }, reject);
    };
    followConfig(feed, config, offer, over.signal).catch(reject);
  });
}

async function end(worker: Worker, log: Log) {
  try {
    await worker.drain();
  } catch (error) {
    return exit(log, 1, { error }, 'drained too late');
  }
  exit(log, 0, {}, 'drained');
}

function exit(log: Log, code: 0 | 1, keys: object, message: Message) {
  log[code === 0 ? 'info' : 'error'](keys, message);
  process.exit(code);
}

/** Resolves with what asks this process to end. A child leaves Ctrl-C, which the terminal sends to all, to its parent. */
function waitForEnd(followsParent: boolean): Promise<string> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve('SIGTERM'));
    process.on('SIGINT', () => followsParent || resolve('SIGINT'));
    if (followsParent) process.on('disconnect', () => resolve('parent gone'));
  });
}

function endOnUncaught(log: Log) {
  const fatal = (error: unknown) => exit(log, 1, { error }, 'uncaught error');
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}
