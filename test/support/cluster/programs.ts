// Finds the programs of a control plane: in KUBEBUILDER_ASSETS, in the cache, or by building them; cluster.ts starts them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildProgram, withBuildLock } from './build.ts';

const here = dirname(fileURLToPath(import.meta.url));
const controlPlane = {
  etcd: 'go.etcd.io/etcd/server/v3',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
};
/** What real nodes have besides the kubelet: Services can be reached, their names are known, pods have a sandbox. */
const network = {
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
  coredns: './coredns',
  pause: './pause',
};
/** Knative's own checks, to hold manifests against. */
const admission = { 'knative-admission': 'multi-edge-inference/test/support/cluster/knative/admission' };
/** Events travel through it where tasks ask for JetStream. */
const messaging = { 'nats-server': 'github.com/nats-io/nats-server/v2' };
const player = { kwok: 'sigs.k8s.io/kwok/cmd/kwok' };

export type ProgramName =
  | keyof typeof controlPlane
  | keyof typeof network
  | keyof typeof admission
  | keyof typeof messaging
  | keyof typeof player;

/** A Go module whose go.sum pins the programs. */
interface ProgramModule {
  name: string;
  folder: string;
  packages: Partial<Record<ProgramName, string>>;
  /** Files of our own that are compiled too. */
  sources?: string[];
}
const modules: ProgramModule[] = [
  { name: 'control-plane', folder: here, packages: controlPlane },
  {
    name: 'network',
    folder: join(here, 'network'),
    packages: network,
    sources: ['coredns/main.go', 'pause/main.go'],
  },
  { name: 'nats', folder: join(here, 'nats'), packages: messaging },
  { name: 'kwok', folder: join(here, 'kwok'), packages: player },
  {
    name: 'knative-admission',
    folder: join(here, 'knative', 'admission'),
    packages: admission,
    sources: ['main.go'],
  },
];

/** Paths of the programs, built first where they are in no folder: 4 to 7 minutes for all, once per go.sum and Go version. */
export async function findPrograms(names: ProgramName[]): Promise<Record<ProgramName, string>> {
  const missing = missingPrograms(names);
  if (missing.length > 0)
    await withBuildLock(cacheFolder(), async () => {
      for (const name of missing) {
        if (existing(name) !== undefined) continue;
        const module = moduleOf(name);
        await buildProgram(module.folder, module.packages[name]!, join(cacheOf(module), name));
      }
    });
  return Object.fromEntries(names.map((name) => [name, existing(name)!])) as Record<ProgramName, string>;
}

/** Those that are in no folder yet. */
export function missingPrograms(names: ProgramName[]): ProgramName[] {
  return names.filter((name) => existing(name) === undefined);
}

/** Why the programs can neither be found nor built here; undefined when they can. */
export function whyUnavailable(names: ProgramName[]): string | undefined {
  const missing = missingPrograms(names);
  const minor = Number(/^go1\.(\d+)/.exec(goVersion() ?? '')?.[1] ?? 0);
  if (missing.length === 0 || minor >= 26) return undefined;
  return `${missing.join(', ')} not found: install Go 1.26 to build them, or name their folder in KUBEBUILDER_ASSETS`;
}

function existing(name: ProgramName): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const folders = [...(assets === undefined ? [] : [assets]), cacheOf(moduleOf(name))];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function moduleOf(name: ProgramName): ProgramModule {
  return modules.find(({ packages }) => packages[name] !== undefined)!;
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'multi-edge-inference-tests');
}

/** Without Go, whatever version built these very sources will do. */
function cacheOf({ name, folder, sources: own = [] }: ProgramModule): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', ...own]) hash.update(readFileSync(join(folder, file)));
  const sources = `${name}-${hash.digest('hex').slice(0, 16)}`;
  const version = goVersion();
  if (version !== undefined) return join(cacheFolder(), `${sources}-${version}`);
  const built = existsSync(cacheFolder()) ? readdirSync(cacheFolder()) : [];
  return join(cacheFolder(), built.find((entry) => entry.startsWith(sources)) ?? sources);
}

let knownGoVersion: string | null | undefined;

/** Such as go1.26.8-linux-amd64; undefined where there is no Go. */
function goVersion(): string | undefined {
  if (knownGoVersion === undefined)
    try {
      const answer = execFileSync('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], {
        cwd: here,
        encoding: 'utf8',
        timeout: 60_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      knownGoVersion = answer.trim().split('\n').join('-');
    } catch {
      knownGoVersion = null;
    }
  return knownGoVersion ?? undefined;
}
