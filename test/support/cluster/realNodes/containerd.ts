// Debian's containerd on a test machine, with its state in the machine's own places. realNode.ts starts it before the kubelet.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machines.ts';

const socket = '/run/containerd/containerd.sock';
export const runtimeEndpoint = `unix://${socket}`;
export const sandboxImage = 'registry.example/pause:1';

/** Where Debian and others put the CNI plugins. */
export const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin'];

export interface Containerd {
  /** Imports an image archive under the name that is written in it. */
  importImage: (file: string) => Promise<void>;
}

/** `snapshotter`: overlayfs, or native where an overlay cannot lie on the file system of temporary files. */
export async function startContainerd(
  machine: Machine,
  pluginFolder: string,
  snapshotter: 'overlayfs' | 'native',
): Promise<Containerd> {
  const folder = join(machine.libraryFolder, 'containerd-settings');
  mkdirSync(join(folder, 'net.d'), { recursive: true });
  const seen = '/var/lib/containerd-settings';
  writeFileSync(join(folder, 'net.d', '10-pods.conflist'), JSON.stringify(podNetwork(machine.podCidr)));
  writeFileSync(join(folder, 'config.toml'), config(pluginFolder, `${seen}/net.d`, snapshotter));
  const daemon = machine.start('containerd', 'containerd', ['--config', `${seen}/config.toml`]);
  const client = (args: string[], timeoutMs?: number) =>
    machine.run('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args], timeoutMs);
  await daemon.waitUntil('containerd does not answer', 30_000, async () => {
    await client(['version']);
    return true;
  });
  return {
    importImage: async (file) => {
      await client(['images', 'import', '--snapshotter', snapshotter, file], 120_000);
    },
  };
}

/** Each pod has a pair of interfaces and a route: no bridge, no address translation, and no policies. */
function podNetwork(podCidr: string): object {
  const ranges = [[{ subnet: podCidr }]];
  const routes = [{ dst: '0.0.0.0/0' }];
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [{ type: 'ptp', ipMasq: false, ipam: { type: 'host-local', ranges, routes } }],
  };
}

/** Without the right to lower badness scores, and without AppArmor, which a container of a test machine may not load. */
function config(pluginFolder: string, networkFolder: string, snapshotter: string): string {
  const plugin = '[plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
${plugin}]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
${plugin}.containerd]
  snapshotter = "${snapshotter}"
  default_runtime_name = "runc"
${plugin}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
${plugin}.containerd.runtimes.runc.options]
  SystemdCgroup = false
${plugin}.cni]
  bin_dir = "${pluginFolder}"
  conf_dir = "${networkFolder}"
`;
}
