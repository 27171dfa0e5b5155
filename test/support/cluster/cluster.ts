// A real Kubernetes control plane on this machine without Docker; the tests and benchmarks of the resource and controller run on it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, type Answer } from './apiClient.ts';
import { writeCredentials } from './credentials.ts';
import { Daemons, freePort } from './daemons.ts';
import { runKubectl } from './kubectl.ts';
import { addNodes, type FakeNode } from './nodes.ts';
import { stagesYaml } from './stages.ts';
import { findPrograms, type ProgramName } from './programs.ts';

export interface ClusterOptions {
  /** Also controller-manager and scheduler: namespaces go, owners collect, Deployments make pods. */
  controllers?: boolean;
  /** Nodes that KWOK plays (their pods run at once, without containers): how many (node-1 ...), or which. Needs controllers. */
  kwokNodes?: number | FakeNode[];
  /** Lets controller-manager and scheduler ask as often as they like; otherwise they make a few pods a second. */
  hurry?: boolean;
  /** More flags for kube-apiserver. */
  apiServerFlags?: string[];
  /** Where kube-apiserver listens when pods must reach it: an address of this machine. Otherwise 127.0.0.1. */
  address?: string;
}

export interface Cluster {
  /** https://127.0.0.1:port */
  url: string;
  /** Of a member of system:masters. */
  adminToken: string;
  /** The CA of the server, PEM. */
  certificate: string;
  /** For the administrator. */
  kubeconfigPath: string;
  /** For compaction and the like; http. */
  etcdUrl: string;
  /** Private temp folder with logs; gone after stop(). */
  folder: string;
  /** Runs kubectl as the administrator and gives what it prints; throws KubectlError when it fails. */
  kubectl: (args: string[], stdin?: string) => Promise<string>;
  /** One request as the administrator, or with another token; `body` is sent as JSON. Never throws for a status. */
  request: (method: string, path: string, body?: unknown, options?: RequestOptions) => Promise<Answer>;
  /** Ends kube-apiserver only: SIGKILL, or SIGTERM for an orderly end. */
  stopApiServer: (signal?: NodeJS.Signals) => Promise<void>;
  /** Starts it again on the same port with the same data and credentials. */
  startApiServer: () => Promise<void>;
  stop: () => Promise<void>;
}

export interface RequestOptions {
  /** Such as application/apply-patch+yaml; otherwise JSON. */
  contentType?: string;
  token?: string;
}

const startMs = 120_000;

/** Starts the control plane; throws with the log's end when a part does not come up. Always call stop(). */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const programs = await findPrograms(programsFor(options));
  const folder = mkdtempSync(join(tmpdir(), 'mei-cluster-'));
  const daemons = new Daemons(folder);
  try {
    const etcdUrl = await startEtcd(daemons, programs.etcd, folder);
    const port = await freePort();
    const url = `https://${options.address ?? '127.0.0.1'}:${port}`;
    const credentials = writeCredentials(folder, url);
    const api = new ApiClient(url, credentials.certificatePath, credentials.adminToken);
    const startServer = async () => {
      const flags = [...apiServerFlags(folder, port, etcdUrl, options), ...(options.apiServerFlags ?? [])];
      const server = daemons.start('kube-apiserver', programs['kube-apiserver'], flags);
      await server.waitUntil('kube-apiserver is not ready', startMs, () => api.isOk('/readyz'));
      return server;
    };
    let server = await startServer();
    if (options.controllers === true) await startControllers(daemons, programs, folder, api, options.hurry);
    if (options.kwokNodes !== undefined)
      await startKwok(daemons, programs.kwok, folder, api, options.kwokNodes);
    return {
      url,
      etcdUrl,
      folder,
      adminToken: credentials.adminToken,
      certificate: api.certificate(),
      kubeconfigPath: credentials.kubeconfigPath,
      kubectl: (args, stdin) => runKubectl(programs.kubectl, credentials.kubeconfigPath, args, stdin),
      request: (method, path, body, { contentType, token } = {}) =>
        api.request(method, path, body, contentType, token),
      stopApiServer: (signal = 'SIGKILL') => server.stop(signal),
      startApiServer: async () => {
        server = await startServer();
      },
      stop: async () => {
        api.close();
        await daemons.stop();
      },
    };
  } catch (error) {
    await daemons.stop();
    throw error;
  }
}

/** What the options need; the test wrapper asks whether they can be had. */
export function programsFor({ controllers, kwokNodes }: ClusterOptions): ProgramName[] {
  return [
    'etcd',
    'kube-apiserver',
    'kubectl',
    ...(controllers === true ? (['kube-controller-manager', 'kube-scheduler'] as const) : []),
    ...(kwokNodes === undefined ? [] : (['kwok'] as const)),
  ];
}

async function startEtcd(daemons: Daemons, program: string, folder: string): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const etcd = daemons.start('etcd', program, [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]);
  await etcd.waitUntil('etcd is not ready', startMs, async () => (await fetch(`${url}/health`)).ok);
  return url;
}

function apiServerFlags(
  folder: string,
  port: number,
  etcdUrl: string,
  { controllers, address }: ClusterOptions,
): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${address ?? '127.0.0.1'}`,
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    '--authorization-mode=Node,RBAC',
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    // A loopback address cannot be an endpoint of the Service `kubernetes`.
    ...(address === undefined ? ['--endpoint-reconciler-type=none'] : []),
    // Names of nodes are known to nobody but the cluster.
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-account.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'service-account.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // Nobody makes ServiceAccounts without the controller-manager, and then this plugin would refuse every pod.
    ...(controllers === true ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ];
}

async function startControllers(
  daemons: Daemons,
  programs: Record<ProgramName, string>,
  folder: string,
  api: ApiClient,
  hurry: boolean | undefined,
): Promise<void> {
  const common = [
    `--kubeconfig=${join(folder, 'kubeconfig')}`,
    '--leader-elect=false',
    '--secure-port=0',
    ...(hurry === true ? ['--kube-api-qps=500', '--kube-api-burst=1000'] : []),
  ];
  const manager = daemons.start('kube-controller-manager', programs['kube-controller-manager'], [
    ...common,
    `--root-ca-file=${join(folder, 'apiserver.crt')}`,
    `--service-account-private-key-file=${join(folder, 'service-account.key')}`,
  ]);
  daemons.start('kube-scheduler', programs['kube-scheduler'], common);
  await manager.waitUntil('there is no default ServiceAccount', startMs, () =>
    api.isOk('/api/v1/namespaces/default/serviceaccounts/default'),
  );
}

async function startKwok(
  daemons: Daemons,
  program: string,
  folder: string,
  api: ApiClient,
  nodes: number | FakeNode[],
): Promise<void> {
  const config = join(folder, 'kwok.yaml');
  writeFileSync(config, stagesYaml());
  const kwok = daemons.start('kwok', program, [
    `--kubeconfig=${join(folder, 'kubeconfig')}`,
    `--config=${config}`,
    '--manage-all-nodes=true',
    // Without signs of life a node counts as lost after a minute, and its pods as not ready.
    '--node-lease-duration-seconds=40',
    '--node-ip=127.0.0.1',
    '--cidr=10.128.0.0/9',
  ]);
  await addNodes(api, kwok, nodes);
}
