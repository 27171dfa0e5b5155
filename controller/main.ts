// The process of the controller: the Deployment starts it. Environment: see settings.ts and access.ts.
import { hostname } from 'node:os';
import { loadFunctions } from '../config/functions.ts';
import { defaultModels, resolveModel } from '../config/models.ts';
import { findAccess } from './access.ts';
import { Cluster } from './cluster.ts';
import { startController, type Controller } from './controller.ts';
import { Downstream } from './downstream/downstream.ts';
import { sednaRoutes } from './downstream/routes.ts';
import { serveLinks } from './downstream/server.ts';
import { messageOf } from './errors.ts';
import { serveHealth } from './health.ts';
import { Leader } from './leader.ts';
import { createLog, type Log } from './log.ts';
import { Forwarder } from './link/forwarder.ts';
import { usualHeartbeat } from './link/heartbeat.ts';
import { createMetrics } from './metrics.ts';
import { readSettings, type Settings } from './settings.ts';
import { loadTaskKeys } from './taskTokens.ts';

/** Threads of an inference session: what the usual limit of detect allows. */
const threads = 2;
const stopMs = 20_000;
/** Within the time in which the lease must be renewed one renewal may get lost on a dead connection, and be tried again. */
const leaseRequestTimeoutMs = 4000;

async function main(): Promise<void> {
  const functions = loadFunctions();
  const settings = readSettings(process.env, functions.image, `${hostname()}-${process.pid}`);
  const { identity, namespace, leaseName, installation } = settings;
  const log = createLog(settings.logLevel, { controller: identity });
  endOnUncaught(log);
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => ended.abort());

  const access = await findAccess(process.env);
  const metrics = createMetrics(
    () => controller.queueLength(),
    () => controller.downstream?.connectedNodes() ?? 0,
  );
  const options = {
    fieldManager: 'multi-edge-inference-controller',
    onRequest: (method: string) => metrics.onRequest(method),
  };
  const cluster = new Cluster(access, options);
  // On connections of its own: renewals must not queue behind the writes of many tasks.
  const leases = new Cluster(access, { ...options, requestTimeoutMs: leaseRequestTimeoutMs, connections: 1 });
  const models = {
    resolveModel: (...ref: Parameters<typeof resolveModel>) => resolveModel(...ref),
    defaultModels,
    threads,
  };
  const createDownstream = (onChange: (key: string) => void, now: () => string) =>
    new Downstream({ log, onChange, now });
  const controller = startController({
    cluster,
    functions,
    installation,
    models,
    log,
    taskKeys: () => loadTaskKeys(cluster, namespace),
    ...(settings.link && { createDownstream }),
  });
  const leader = new Leader({ cluster: leases, namespace, name: leaseName, identity, log });
  const unready = () => (controller.isCurrent() ? undefined : 'not in step with the API server');
  const health = await serveHealth({ ...settings, unready, metrics: metrics.registry });
  log.info({ port: health.port, image: installation.image }, 'waiting for the lease');

  let reason = await leader.acquire(ended.signal).catch(() => 'asked to end');
  if (reason === undefined) {
    log.info({}, 'leading');
    metrics.setLeading(true);
    void lead(controller, settings, log).catch((error: unknown) => exit(log, 1, messageOf(error)));
    reason = await leader.keep(ended.signal);
  }
  // Another one may work already: not one more request may go out.
  if (!ended.signal.aborted) return exit(log, 1, reason);
  setTimeout(() => exit(log, 1, 'stopping took too long'), stopMs).unref();
  await controller.stop();
  await leader.release();
  exit(log, 0, reason);
}

/** Nodes may connect only once it is known what each should have: what is not known to be theirs they drop. */
async function lead(controller: Controller, { link, host }: Settings, log: Log): Promise<void> {
  await controller.lead();
  const { downstream } = controller;
  if (!link || !downstream) return;
  const outbox = new Forwarder({ log });
  const { port } = await serveLinks({
    ...link,
    downstream,
    routes: (authenticate) =>
      sednaRoutes({ downstream, outbox, authenticate, now: Date.now, task: (key) => controller.task(key) }),
    host,
    heartbeat: usualHeartbeat,
    log,
  });
  log.info({ port }, 'waiting for local controllers');
}

function exit(log: Log, code: 0 | 1, reason: string): void {
  if (code === 0) log.info({ reason }, 'ended');
  else log.error({ reason }, 'ended in trouble');
  process.exit(code);
}

function endOnUncaught(log: Log): void {
  const fatal = (error: unknown) => exit(log, 1, `uncaught: ${messageOf(error)}`);
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
});
