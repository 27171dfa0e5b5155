// Who may speak with a worker: its neighbours in the chain, and what its stages need outside. All else is denied.
import { isIP } from 'node:net';
import { cidrsOf, networkWords, parseNetworks } from '../../config/networks.ts';
import type { Task } from '../../config/schema/resource.ts';
import type { CameraConfig } from '../../config/worker.ts';
import type { DesiredTask, DesiredWorker } from '../desired.ts';
import { receiversOf } from '../receivers.ts';
import {
  ownedMetadata,
  workerLabels,
  workerPort,
  workerSelector,
  type Installation,
  type Manifest,
  type Reach,
} from './manifest.ts';
import type { WorkerParts } from './podTemplate.ts';
import { hearsBroker, runsOnKnative } from './runtime.ts';

interface Port {
  protocol: 'TCP' | 'UDP';
  port?: number;
}
type Peer =
  | {
      podSelector: { matchLabels: Record<string, string> };
      namespaceSelector?: { matchLabels: Record<string, string> };
    }
  | { namespaceSelector: { matchExpressions: { key: string; operator: 'In'; values: string[] }[] } }
  | { ipBlock: { cidr: string; except?: string[] } };
interface Rule {
  ports: Port[];
  from?: Peer[];
  to?: Peer[];
}

/** A policy that names both directions: everything that it does not list is denied for the worker's pods. */
export function networkPolicy(parts: WorkerParts, plan: DesiredTask): Manifest {
  const { task, worker } = parts;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMetadata(task, worker.name, workerLabels(task, worker)),
    spec: {
      podSelector: { matchLabels: workerSelector(task, worker.name) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: ingress(parts, plan),
      egress: egress(parts, plan),
    },
  };
}

const events: Port[] = [{ protocol: 'TCP', port: workerPort }];
/** Of Knative's proxy in the pod: HTTP/1, HTTP/2 and TLS for requests, and what the autoscaler reads. */
const proxyPorts: Port[] = [8012, 8013, 8112, 9090].map((port) => ({ protocol: 'TCP', port }));

function ingress({ task, worker, installation }: WorkerParts, { workers, brokerUrl }: DesiredTask): Rule[] {
  // The gateway stands between: who sent what it passes on, no policy of pods can tell.
  if (runsOnKnative(task, worker))
    return [{ from: [namespaces(installation.knativeNamespaces)], ports: proxyPorts }];
  const senders = workers.filter(
    (each) => receiversOf(each, workers).includes(worker) && speaksDirectly(each, worker),
  );
  const reporters = hasReporters(worker, installation) ? [{ from: reportingAgents, ports: events }] : [];
  if (takesPictures(worker)) return [{ ...camerasThatPush(installation.reach), ports: events }];
  if (senders.length === 0) return reporters;
  if (hearsBroker(task, worker)) return [{ ...brokerPeers(brokerUrl!, 'from'), ports: events }, ...reporters];
  return [{ from: senders.map(({ name }) => pods(task, name)), ports: events }, ...reporters];
}

/** Local controllers hand on what workers of other makes report, and so does the controller. */
function hasReporters({ config }: DesiredWorker, { localControllerPort }: Installation): boolean {
  return localControllerPort !== undefined && config.stages.includes('status');
}

const reportingAgents: Peer[] = [
  ['multi-edge-inference-edge', 'local-controller'],
  ['multi-edge-inference', 'controller'],
].map(([namespace, component]) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace! } },
  podSelector: {
    matchLabels: {
      'app.kubernetes.io/name': 'multi-edge-inference',
      'app.kubernetes.io/component': component!,
    },
  },
}));

function egress({ task, worker, installation }: WorkerParts, { workers, brokerUrl }: DesiredTask): Rule[] {
  const { localControllerPort: port } = installation;
  const receivers = receiversOf(worker, workers);
  const direct = receivers.filter((each) => !hearsBroker(task, each) && speaksDirectly(worker, each));
  const pooled = direct.filter((each) => !runsOnKnative(task, each));
  const { stages, cameras, models, match, jetstream } = worker.config;
  const { reach } = installation;
  const { storeRef } = task.spec.retention;
  const has = (stage: (typeof stages)[number]) => stages.includes(stage);
  const downloads = [
    ...(has('detect') ? [models.detect?.uri] : []),
    ...(has('embed') ? [models.embed?.uri] : []),
    ...(has('match') ? match.targets.flatMap(({ images }) => images) : []),
  ].filter(
    (address) => address !== undefined && /^https?:/.test(address) && URL.canParse(address),
  ) as string[];
  return [
    {
      ports: [53].flatMap((port): Port[] => [
        { protocol: 'UDP', port },
        { protocol: 'TCP', port },
      ]),
    },
    ...(pooled.length > 0 ? [{ to: pooled.map(({ name }) => pods(task, name)), ports: events }] : []),
    ...(direct.length > pooled.length
      ? [{ to: [namespaces(installation.knativeNamespaces)], ports: anyPort }]
      : []),
    ...(receivers.some((each) => hearsBroker(task, each)) ? [brokerRule(brokerUrl!)] : []),
    ...(jetstream ? [brokerRule(jetstream.url)] : []),
    ...(installation.tracing ? [brokerRule(installation.tracing.url)] : []),
    ...(has('ingest') ? uniqueRules(cameras.flatMap((camera) => cameraRule(camera, reach))) : []),
    ...uniqueRules(downloads.map((address) => hostRule(new URL(address), reach.MEI_DOWNLOAD_NETWORKS))),
    ...(has('status') ? [{ ports: apiServer }] : []),
    // Where it is says a Secret, which the controller does not read.
    ...(has('match') && storeRef ? [{ ports: [{ protocol: 'TCP' as const, port: storeRef.port }] }] : []),
    // The local controller is at an address of the node: policies cannot name it.
    ...(port === undefined || runsOnKnative(task, worker)
      ? []
      : [{ ports: [{ protocol: 'TCP' as const, port }] }]),
  ];
}

/** What goes through a stream needs no way of its own; in the cloud workers ask each other for more than they send. */
function speaksDirectly(from: DesiredWorker, to: DesiredWorker): boolean {
  return to.config.jetstream?.receiver === undefined || from.placement === 'cloud';
}

/** Behind a Service pods may listen anywhere, and each gateway and Broker has ports of its own. */
const anyPort: Port[] = [{ protocol: 'TCP' }];

function brokerRule(brokerUrl: string): Rule {
  const peers = brokerPeers(brokerUrl, 'to');
  return peers.to ? { ...peers, ports: anyPort } : hostRule(new URL(brokerUrl), 'public,private');
}

/** The namespace of the Broker's own pods, as its address tells; anybody where it lies outside the cluster. */
function brokerPeers(brokerUrl: string, direction: 'from' | 'to'): Pick<Rule, 'from' | 'to'> {
  const namespace = /^[^.]+\.([^.]+)\.svc(\.|$)/.exec(new URL(brokerUrl).hostname)?.[1];
  return namespace === undefined ? {} : { [direction]: [namespaces([namespace])] };
}

function namespaces(names: string[]): Peer {
  const key = 'kubernetes.io/metadata.name';
  return { namespaceSelector: { matchExpressions: [{ key, operator: 'In', values: names }] } };
}

/** Port 443 of the Service, and the usual one of the server behind it. */
const apiServer: Port[] = [
  { protocol: 'TCP', port: 443 },
  { protocol: 'TCP', port: 6443 },
];

/** Exported for the Service: others than stages reach a worker only with pictures. */
export function takesPictures({ config }: DesiredWorker): boolean {
  return config.stages.includes('ingest') && config.cameras.some(({ source }) => source.type === 'Push');
}

function pods(task: Task, worker: string): Peer {
  return { podSelector: { matchLabels: workerSelector(task, worker) } };
}

function cameraRule({ source }: CameraConfig, reach: Reach): Rule[] {
  if ((source.type !== 'RTSP' && source.type !== 'HTTP') || !source.uri || !URL.canParse(source.uri))
    return [];
  const url = new URL(source.uri);
  const rule = hostRule(url, reach.MEI_CAMERA_NETWORKS);
  // Media over UDP comes from ports that the camera chooses.
  if (source.type === 'RTSP' && source.transport === 'UDP')
    return [{ ...rule, ports: [...rule.ports, { protocol: 'UDP' }] }];
  return [rule];
}

const usualPorts: Record<string, number> = {
  'rtsp:': 554,
  'rtsps:': 322,
  'http:': 80,
  'https:': 443,
  'nats:': 4222,
  'tls:': 4222,
};

/** Only to that address when it is one; a name can mean any address of the networks but those of cloud metadata. */
function hostRule(url: URL, networks: string): Rule {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  const to = version === 0 ? blocks(networks) : [block(`${host}/${version === 4 ? 32 : 128}`)];
  return { to, ports: [{ protocol: 'TCP', port: Number(url.port) || usualPorts[url.protocol] || 443 }] };
}

/** Cameras that push come from the networks where cameras are; from anywhere where those are not limited. */
function camerasThatPush(reach: Reach): Pick<Rule, 'from'> {
  if (entriesOf(reach.MEI_CAMERA_NETWORKS).includes('public')) return {};
  return { from: blocks(reach.MEI_CAMERA_NETWORKS) };
}

const alwaysExcept = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128'];

/** What workers themselves allow, as far as a policy can say it. */
function blocks(networks: string): Peer[] {
  const entries = entriesOf(networks);
  const isPublic = entries.includes('public');
  const except = [...alwaysExcept, ...(entries.includes('private') ? [] : networkWords.private)];
  const others = entries.filter((entry) => entry !== 'public' && !(isPublic && entry === 'private'));
  return [
    ...(isPublic ? cidrsOf('public').map((cidr) => block(cidr, except)) : []),
    ...others.flatMap(cidrsOf).map((cidr) => block(cidr)),
  ];
}

function block(cidr: string, except: readonly string[] = []): Peer {
  const inside = except.filter((each) => each.includes(':') === cidr.includes(':'));
  return { ipBlock: { cidr, ...(inside.length > 0 && { except: inside }) } };
}

/** A pod's own loopback is subject to no policy. */
function entriesOf(networks: string): string[] {
  return parseNetworks(networks, 'networks').entries.filter((entry) => entry !== 'loopback');
}

function uniqueRules(rules: Rule[]): Rule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
