// A control plane with real nodes: containers run, Services are reached, names resolve. onRealNodes.ts starts it for tests.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startCluster, type Cluster } from '../cluster.ts';
import { Daemons } from '../daemons.ts';
import { findPrograms } from '../programs.ts';
import { makeCgroups } from './cgroups.ts';
import { startContainerd, type Containerd } from './containerd.ts';
import { dnsAddress, startDns } from './dns.ts';
import { startNode } from './kubelet.ts';
import { startMachines, type Machine } from './machines.ts';
import { writePauseImage } from './pauseImage.ts';
import { canOverlay, nodePrograms, pluginFolder } from './requirements.ts';

export interface RealNode extends Machine, Containerd {}

export interface RealCluster extends Cluster {
  nodes: RealNode[];
  /** Path of the nodes' group below each mount point of cgroups; in it one folder a node. */
  cgroup: string;
}

export interface NodeSettings {
  name: string;
  /** Tainted as KubeEdge taints its nodes. */
  isEdge: boolean;
}

/** The last node also answers for names. Always call stop(). @throws Error with the end of a log */
export async function startRealCluster(settings: NodeSettings[]): Promise<RealCluster> {
  const programs = await findPrograms(nodePrograms);
  const folder = mkdtempSync(join(tmpdir(), 'mei-nodes-'));
  const cgroup = basename(folder);
  const names = settings.map(({ name }) => name);
  const daemons = new Daemons(folder, makeCgroups(cgroup, names));
  let cluster: Cluster | undefined;
  const stop = async () => {
    await cluster?.stop();
    await daemons.stop();
  };
  try {
    const snapshotter = canOverlay(folder) ? 'overlayfs' : 'native';
    const pauseImage = await writePauseImage(folder, programs.pause);
    const { plan, machines } = await startMachines(daemons, folder, names);
    const control = await startCluster({ controllers: true, address: plan.host });
    cluster = control;
    const nodes = await Promise.all(
      machines.map(async (machine, index): Promise<RealNode> => {
        const containerd = await startContainerd(machine, pluginFolder()!, snapshotter);
        await containerd.importImage(pauseImage);
        await startNode({
          machine,
          cluster: control,
          programs,
          isEdge: settings[index]!.isEdge,
          cgroup: `/${cgroup}/${machine.name}`,
          podCidr: plan.podCidr,
          dnsAddress,
        });
        return { ...machine, ...containerd };
      }),
    );
    await startDns(machines.at(-1)!, programs.coredns, control);
    return { ...control, nodes, cgroup, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
