// A controller of the tests' own on a real API server, with the rights that config/rbac gives it and no more.
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import type { Task } from '../../config/schema/resource.ts';
import { Cluster } from '../../controller/cluster.ts';
import { loadTaskKeys } from '../../controller/taskTokens.ts';
import { startController, type Controller, type ControllerOptions } from '../../controller/controller.ts';
import type { Cluster as TestCluster } from '../support/cluster/cluster.ts';
import { recordingLog } from './recordingLog.ts';
import { installation } from './sampleTasks.ts';

const namespace = 'multi-edge-inference';

/** The CRD, the namespace and the rights; resolves with a token of the controller. */
export async function install({ kubectl }: TestCluster): Promise<string> {
  const files = ['config/manager/namespace.yaml', 'config/crd/multiedgeinferences.yaml', 'config/rbac'];
  for (const file of files) {
    const isFolder = !file.endsWith('.yaml');
    await kubectl(['apply', '--server-side', isFolder ? '-k' : '-f', file]);
  }
  await kubectl(['wait', '--for=condition=Established', 'crd/multiedgeinferences.sedna.io', '--timeout=30s']);
  return (await kubectl(['-n', namespace, 'create', 'token', 'controller', '--duration=1h'])).trim();
}

export interface LiveController extends Controller {
  /** Requests so far, each `METHOD /path`; watches too. */
  requests: string[];
  writes(): string[];
  log: ReturnType<typeof recordingLog>;
}

/** Leads at once. */
export async function startLive(
  { url, certificate }: Pick<TestCluster, 'url' | 'certificate'>,
  token: string,
  { requestTimeoutMs = 30_000, ...options }: Partial<ControllerOptions> & { requestTimeoutMs?: number } = {},
): Promise<LiveController> {
  const config = new KubeConfig();
  const caData = Buffer.from(certificate).toString('base64');
  config.loadFromClusterAndUser(
    { name: 'test', server: url, caData, skipTLSVerify: false },
    { name: 'c', token },
  );
  const requests: string[] = [];
  const cluster = new Cluster(config, {
    fieldManager: 'multi-edge-inference-controller',
    requestTimeoutMs,
    onRequest: (method, path) => requests.push(`${method} ${path}`),
  });
  const log = recordingLog();
  const controller = startController({
    cluster,
    functions: loadFunctions(),
    installation,
    models: { resolveModel: (ref, stage) => resolveModel(ref, stage), defaultModels, threads: 1 },
    log,
    taskKeys: () => loadTaskKeys(cluster, namespace),
    reflectors: { backoff: { minMs: 50, maxMs: 500 } },
    ...options,
  });
  await controller.lead();
  return {
    ...controller,
    requests,
    log,
    writes: () => requests.filter((request) => !request.startsWith('GET')),
    async stop() {
      await controller.stop();
      cluster.close();
    },
  };
}

/** Asks until the answer is as wanted; fails with the last answer. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms; last: ${inShort(answer)}`);
    await delay(50);
  }
}

/** Of objects only what tests wait for. */
function inShort(answer: unknown): string {
  const { status } = (answer ?? {}) as { status?: unknown };
  return JSON.stringify(status ?? answer)?.slice(0, 4000);
}

export function taskPath(name: string, space = 'default'): string {
  return `/apis/sedna.io/v1alpha1/namespaces/${space}/multiedgeinferences/${name}`;
}

export function createTask({ kubectl }: TestCluster, name: string, spec: string): Promise<string> {
  const text = `{apiVersion: sedna.io/v1alpha1, kind: MultiEdgeInference, metadata: {name: ${name}}, spec: ${spec}}`;
  return kubectl(['apply', '-f', '-'], text);
}

export async function readTask({ request }: TestCluster, name: string): Promise<Task> {
  return (await request('GET', taskPath(name))).body as Task;
}

/** A condition as `Status/Reason: message`; empty while it is not there. */
export function conditionOf({ status }: Task, type: string): string {
  const found = status?.conditions?.find((condition) => condition.type === type);
  return found ? `${found.status}/${found.reason}: ${found.message}` : '';
}
