// Whether this machine can run real nodes at all; onRealNodes.ts skips its tests with the reason when it cannot.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { missingPrograms, whyUnavailable, type ProgramName } from '../programs.ts';
import { cgroupMounts } from './cgroups.ts';
import { pluginFolders } from './containerd.ts';

export const nodePrograms: ProgramName[] = ['kubelet', 'kube-proxy', 'coredns', 'pause'];

/** Program on the path -> Debian's package. */
const packages: Record<string, string> = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  nft: 'nftables',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mount: 'mount',
};

/** In words, with the way out; undefined when nothing is missing. */
export function whyNoRealNodes(): string | undefined {
  return whyNotAsked() ?? whyMachineCannot() ?? whyUnavailable(nodePrograms) ?? whyNotBuilt();
}

/** These tests take minutes of both cores and wait on a whole cluster: they run when they are asked for. */
export function whyNotAsked(): string | undefined {
  return process.env['MEI_REAL_PODS'] === '1' ? undefined : 'it runs when asked for: MEI_REAL_PODS=1';
}

/** In CI the programs are built in a step of its own, as long as there is time (prepare.ts): no test may begin to. */
function whyNotBuilt(): string | undefined {
  const missing = process.env['CI'] === 'true' ? missingPrograms(nodePrograms) : [];
  return missing.length === 0 ? undefined : `${missing.join(', ')} not built: npm run test:programs`;
}

/** Apart from the programs that can be built. */
export function whyMachineCannot(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  const missing = Object.keys(packages).filter((program) => !isOnPath(program));
  const wanted = new Set(missing.map((program) => packages[program]!));
  if (pluginFolder() === undefined) wanted.add('containernetworking-plugins');
  if (wanted.size > 0) return `it needs the packages ${[...wanted].join(', ')}`;
  return whyNoNamespaces() ?? whyNoCgroups();
}

/** The first folder that has the plugins the nodes use. */
export function pluginFolder(): string | undefined {
  return pluginFolders.find((folder) =>
    ['ptp', 'host-local', 'loopback'].every((plugin) => existsSync(join(folder, plugin))),
  );
}

/** Whether an overlay can lie on the file system of `folder`: it cannot on another overlay. */
export function canOverlay(folder: string): boolean {
  const names = ['lower', 'upper', 'work', 'merged'].map((name) => join(folder, `overlay-${name}`));
  const [lower, upper, work, merged] = names as [string, string, string, string];
  for (const name of names) mkdirSync(name);
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  return succeeds(['--mount', 'mount', '-t', 'overlay', '-o', options, 'overlay', merged]);
}

function whyNoNamespaces(): string | undefined {
  const made = succeeds(['--net', '--mount', '--pid', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  return made ? undefined : 'it may not make namespaces and mount in them (CAP_SYS_ADMIN)';
}

function whyNoCgroups(): string | undefined {
  const { version, paths } = cgroupMounts();
  if (paths.length === 0) return 'no cgroups are mounted';
  if (version === 1 && !paths.some((path) => path.endsWith('/memory')))
    return 'cgroups without the memory controller cannot hold pods to their limits';
  for (const path of paths) {
    const probe = join(path, `mei-probe-${process.pid}`);
    try {
      mkdirSync(probe);
      rmdirSync(probe);
    } catch (error) {
      return `it cannot make cgroups: ${(error as Error).message}`;
    }
  }
  return undefined;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function succeeds(args: string[]): boolean {
  try {
    execFileSync('unshare', args, { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
