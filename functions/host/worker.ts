// Puts a worker together: its stages, the ways between them and to others, the server, reports and the drain. main.ts and tests call it.
import { eventTypes } from '../../config/events.ts';
import { PermanentError } from '../function.ts';
import { workerConsole } from '../console/workerConsole.ts';
import { Chain, checkRoutes } from './chain.ts';
import { drain } from './drain.ts';
import { Emitter } from './emit.ts';
import { Metrics } from './metrics.ts';
import { PushAccess } from './pushAccess.ts';
import { Reports } from './reports.ts';
import { openNodeOutbox } from './nodeOutbox.ts';
import { reconfiguration, type Outcome } from './reconfigure.ts';
import { createHttpServer, defaultServerOptions } from './server.ts';
import { shardOf } from './shards.ts';
import { directAddress, TaskToken, tokensFor, type TaskTokenOptions } from './taskToken.ts';
import { HostedStage } from './stage.ts';
import { recordingsOf } from '../wholeRecordings.ts';
import { Tracer, type TracingOptions } from './tracing.ts';
import type { AddressInfo } from 'node:net';
import type { FunctionList } from '../../config/functions.ts';
import type { StageName, WorkerConfig } from '../../config/worker.ts';
import type { CreateStage, Log } from '../function.ts';
import type { ChainOptions } from './chain.ts';
import type { Attributes } from '../../delivery/attributes.ts';
import type { CourierOptions } from '../../delivery/courier.ts';
import type { ReceiverOptions } from '../../delivery/jetstream/receiver.ts';
import type { EmitterOptions } from './emit.ts';
import type { ServerOptions } from './server.ts';
import type { RetryPolicy } from './stage.ts';

export interface WorkerOptions {
  config: WorkerConfig;
  functions: FunctionList;
  /** The `create` of a stage, from its place in the list of functions. */
  load: (handler: string) => Promise<CreateStage>;
  log: Log;
  port: number;
  host: string;
  /** Where the paths of the cameras' token files are. */
  environment?: NodeJS.ProcessEnv;
  reportIntervalMs: number;
  drainDeadlineMs: number;
  drainGraceMs: number;
  defaultSink?: string | undefined;
  taskToken?: TaskTokenOptions | undefined;
  /** Path of the tokens of people who may ask questions about people; absent: only who comes by loopback. */
  queryTokensFile?: string | undefined;
  /** False: a request never gets events in its answer, as behind a Broker, which would take them in again. */
  replies?: boolean;
  server?: Partial<ServerOptions>;
  emitter?: Partial<EmitterOptions>;
  /** Extension attributes put on every event that leaves this process (K_CE_OVERRIDES). */
  overrides?: Attributes;
  /** What a NATS server is shown, and what it is known by. */
  natsFiles?: { credentialsFile?: string; caFile?: string };
  /** Limits of what takes events out of a stream. */
  stream?: Partial<ReceiverOptions>;
  /** Times of the outbox. */
  delivery?: Partial<CourierOptions>;
  retry?: RetryPolicy;
  /** Absent: nothing is traced. */
  tracing?: TracingOptions | undefined;
}

/** A running worker. */
export interface Worker {
  port: number;
  stages: HostedStage[];
  metrics: Metrics;
  /** Takes a newer configuration over, as far as it can; see reconfigure.ts. */
  reconfigure: (next: WorkerConfig) => Promise<Outcome>;
  /**
   * Stops sources, handles and delivers what was accepted, closes the stages, ends. Later calls return the first one's promise.
   * @throws Error when the deadline passes first; what was left is given up
   */
  drain: () => Promise<void>;
}

/**
 * Resolves once every stage is ready to be fed and the server listens.
 * @throws PermanentError for a configuration that cannot work, and whatever a stage throws while it starts
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { functions, log } = options;
  // Changed in place by a newer one.
  const config = { ...options.config };
  const metrics = new Metrics();
  const draining = new AbortController();
  const stopped = new AbortController();
  const chainOptions: ChainOptions = {
    functions,
    stages: config.stages,
    sinks: config.sinks,
    shardOf: (type, camera) => shardOf(config, type, camera),
    defaultSink: options.defaultSink,
    waitMs: 120_000,
  };
  const { unrouted } = checkRoutes(chainOptions);
  if (unrouted.length > 0) log.warn({ types: unrouted }, 'nothing takes these events');
  const { overrides = {} } = options;
  const token = options.taskToken && new TaskToken(options.taskToken, log);
  const shownTo = (url: string) => tokensFor(token, config, url);
  const stream = config.jetstream && (await jetStreamOf(config, options));
  const openWay = stream?.openWay;
  const emitter = new Emitter(
    { overrides, tokensFor: shownTo, openWay, log, ...options.emitter },
    metrics,
    stopped.signal,
  );
  const outbox = openNodeOutbox({
    config,
    defaultSink: options.defaultSink,
    overrides,
    log,
    tokensFor: shownTo,
    openWay,
    ...(options.delivery && { delivery: options.delivery }),
  });
  if (outbox) metrics.watchOutbox(() => outbox.figures());
  const { name, namespace } = config.task;
  const names = { 'mei.task': `${namespace}/${name}`, 'mei.worker': config.worker, 'mei.node': config.node };
  const tracer = options.tracing && new Tracer(options.tracing, names, log);
  const byName = new Map<StageName, HostedStage>();
  const chain = new Chain(chainOptions, {
    inboxOf: (name) => byName.get(name)!,
    send: (url, event) => (outbox?.takes(event.type) ? outbox.accept(event) : emitter.send(url, event)),
    metrics,
    log,
  });

  for (const name of config.stages) {
    const spec = functions.functions[name];
    const create = await options.load(spec.handler);
    const stage = await create(options.config, log);
    const route = (event: Parameters<Chain['route']>[0]) => chain.route(event, name);
    const dependencies = {
      spec,
      stage,
      route,
      metrics,
      log,
      draining: draining.signal,
      stopped: stopped.signal,
      isRecording: (camera: string) => recordingsOf(config.cameras).includes(camera),
      ...(tracer && { tracer }),
    };
    byName.set(name, new HostedStage({ ...dependencies, ...(options.retry && { retry: options.retry }) }));
  }
  const stages = [...byName.values()];
  metrics.watch(stages);

  let state: 'starting' | 'running' | 'draining' | 'closed' = 'starting';
  const access = new PushAccess({
    cameras: () => config.cameras,
    environment: options.environment ?? {},
    isLocal: isLoopback(options.host),
    log,
  });
  const questions = { tokensFile: options.queryTokensFile, isLocal: isLoopback(options.host) };
  const reportsUrl = directAddress(config, eventTypes.report);
  const shown =
    options.queryTokensFile === undefined
      ? undefined
      : workerConsole({
          config,
          environment: options.environment ?? {},
          stages,
          tokensFile: options.queryTokensFile,
          taskTokens: reportsUrl === undefined ? undefined : shownTo(reportsUrl),
          log,
        });
  const serverOptions = {
    ...defaultServerOptions,
    ...(options.replies !== undefined && { replies: options.replies }),
    ...options.server,
  };
  const server = createHttpServer(
    { config, stages, metrics, access, token, log, questions, console: shown, state: () => state },
    serverOptions,
  );
  server.once('close', () => shown?.close());
  await listen(server, options);
  const live = reconfiguration(config, stages, log);
  const reports = new Reports({
    config,
    stages,
    intervalMs: options.reportIntervalMs,
    deliver: (event) => chain.route(event),
    ...(outbox && { outbox }),
    ...(stream && { stream }),
    notice: () => live.notice(),
    log,
  });
  try {
    // Consumers first: a source emits from its init on.
    for (const { stage, context } of [...stages].reverse()) await stage.init?.(context);
  } catch (error) {
    server.close();
    server.closeAllConnections();
    await stream?.close();
    throw error;
  }
  state = 'running';
  reports.start();
  stream?.take({
    stages,
    intake: serverOptions,
    metrics,
    isRunning: () => state === 'running',
    options: options.stream,
  });
  if (stream?.figures()) metrics.watchStream(() => stream.figures()!);

  let ending: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    stages,
    metrics,
    // Nothing begins in a worker that is ending.
    reconfigure: async (next) => (state === 'running' ? live.apply(next) : 'stale'),
    drain: () =>
      (ending ??= drain({
        server,
        stages,
        chain,
        reports,
        emitter,
        outbox,
        stream,
        draining,
        stopped,
        graceMs: options.drainGraceMs,
        deadlineMs: options.drainDeadlineMs,
        onState: (next) => (state = next),
      }).finally(() => tracer?.close())),
  };
}

async function jetStreamOf(config: WorkerConfig, { natsFiles = {}, log }: WorkerOptions) {
  const { openJetStream } = await import('./jetstream.ts');
  return openJetStream({ config, files: natsFiles, log });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function listen(server: ReturnType<typeof createHttpServer>, { port, host }: WorkerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new PermanentError(`cannot listen on ${host}:${port}: ${cause.message}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
}
