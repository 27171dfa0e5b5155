// The kubelet and kube-proxy of a test machine; realCluster.ts starts them once containerd answers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import type { Daemon } from '../daemons.ts';
import { runtimeEndpoint } from './containerd.ts';
import type { Machine } from './machines.ts';

export interface NodeOptions {
  machine: Machine;
  cluster: Cluster;
  programs: { kubelet: string; 'kube-proxy': string };
  /** No pod comes to it that does not tolerate KubeEdge's taint. */
  isEdge: boolean;
  /** Path below each hierarchy's mount point. */
  cgroup: string;
  /** Addresses of all pods of the cluster. */
  podCidr: string;
  dnsAddress: string;
}

/** Resolves when the node is ready. */
export async function startNode(options: NodeOptions): Promise<void> {
  const { machine, cluster, programs } = options;
  const settings = (name: string, value: object) => {
    // YAML, and so JSON; the machine sees it at another place.
    writeFileSync(join(machine.libraryFolder, name), JSON.stringify(value));
    return `/var/lib/${name}`;
  };
  writeFileSync(join(machine.libraryFolder, 'resolv.conf'), '');
  const kubelet = machine.start('kubelet', programs.kubelet, [
    `--config=${settings('kubelet.yaml', kubeletSettings(options))}`,
    `--kubeconfig=${cluster.kubeconfigPath}`,
    `--hostname-override=${machine.name}`,
    `--node-ip=${machine.address}`,
  ]);
  machine.start('kube-proxy', programs['kube-proxy'], [
    `--config=${settings('kube-proxy.yaml', proxySettings(machine.name, cluster.kubeconfigPath, options.podCidr))}`,
  ]);
  await waitForNode(kubelet, cluster, machine.name);
}

async function waitForNode(kubelet: Daemon, { request }: Cluster, name: string): Promise<void> {
  await kubelet.waitUntil(`node ${name} is not ready`, 60_000, async () => {
    const { body } = await request('GET', `/api/v1/nodes/${name}`);
    const { status } = body as { status: { conditions: { type: string; status: string }[] } };
    return status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  });
}

function kubeletSettings({ cgroup, dnsAddress, isEdge }: NodeOptions): object {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    // Only this machine and the pods of the test reach it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: runtimeEndpoint,
    clusterDomain: 'cluster.local',
    clusterDNS: [dnsAddress],
    resolvConf: '/var/lib/resolv.conf',
    failCgroupV1: false,
    failSwapOn: false,
    registerWithTaints: isEdge ? [{ key: 'node-role.kubernetes.io/edge', effect: 'NoSchedule' }] : [],
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    localStorageCapacityIsolation: false,
    // Lowering one's own score needs a right that virtual machines of tests often lack.
    oomScoreAdj: 0,
    evictionHard: { 'memory.available': '16Mi' },
    podLogsDir: '/var/log/pods',
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    // The first restart after 10 s and each twice as late as the one before would make tests of crashes slow.
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    featureGates: { KubeletCrashLoopBackOffMax: true },
  };
}

function proxySettings(name: string, kubeconfig: string, podCidr: string): object {
  return {
    kind: 'KubeProxyConfiguration',
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    mode: 'nftables',
    hostnameOverride: name,
    clientConnection: { kubeconfig },
    clusterCIDR: podCidr,
    oomScoreAdj: 0,
    // Limits of connections belong to the whole machine and are none of a test's business.
    conntrack: { maxPerCore: 0, min: 0 },
    nftables: { minSyncPeriod: '100ms' },
  };
}
