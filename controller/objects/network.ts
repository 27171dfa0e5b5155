// Who may speak with a worker: its neighbours in the chain, and what its stages need outside. All else is denied.
import { isIP } from 'node:net';
import type { Task } from '../../config/schema/resource.ts';
import type { CameraConfig } from '../../config/worker.ts';
import type { DesiredWorker } from '../desired.ts';
import { ownedMetadata, workerLabels, workerPort, workerSelector, type Manifest } from './manifest.ts';

interface Port {
  protocol: 'TCP' | 'UDP';
  port?: number;
}
type Peer =
  { podSelector: { matchLabels: Record<string, string> } } | { ipBlock: { cidr: string; except?: string[] } };
interface Rule {
  ports: Port[];
  from?: Peer[];
  to?: Peer[];
}

/** A policy that names both directions: everything that it does not list is denied for the worker's pods. */
export function networkPolicy(task: Task, worker: DesiredWorker, all: readonly DesiredWorker[]): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMetadata(task, worker.name, workerLabels(task, worker)),
    spec: {
      podSelector: { matchLabels: workerSelector(task, worker.name) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: ingress(task, worker, all),
      egress: egress(task, worker),
    },
  };
}

const events: Port[] = [{ protocol: 'TCP', port: workerPort }];

function ingress(task: Task, worker: DesiredWorker, all: readonly DesiredWorker[]): Rule[] {
  const senders = all.filter(({ routes }) => Object.values(routes).includes(worker.name));
  // Cameras that push come from anywhere.
  if (takesPictures(worker)) return [{ ports: events }];
  if (senders.length === 0) return [];
  return [{ from: senders.map(({ name }) => pods(task, name)), ports: events }];
}

function egress(task: Task, worker: DesiredWorker): Rule[] {
  const receivers = [...new Set(Object.values(worker.routes))].sort();
  const { stages, cameras, models, match } = worker.config;
  const has = (stage: (typeof stages)[number]) => stages.includes(stage);
  const downloads = [
    ...(has('detect') ? [models.detect?.uri] : []),
    ...(has('embed') ? [models.embed?.uri] : []),
    ...(has('match') ? match.targets.flatMap(({ images }) => images) : []),
  ].filter((address) => address !== undefined && /^https?:/.test(address)) as string[];
  return [
    {
      ports: [53].flatMap((port): Port[] => [
        { protocol: 'UDP', port },
        { protocol: 'TCP', port },
      ]),
    },
    ...(receivers.length > 0 ? [{ to: receivers.map((name) => pods(task, name)), ports: events }] : []),
    ...(has('ingest') ? uniqueRules(cameras.flatMap(cameraRule)) : []),
    ...uniqueRules(downloads.map((address) => hostRule(new URL(address)))),
    ...(has('status') ? [{ ports: apiServer }] : []),
  ];
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

function cameraRule({ source }: CameraConfig): Rule[] {
  if ((source.type !== 'RTSP' && source.type !== 'HTTP') || !source.uri || !URL.canParse(source.uri))
    return [];
  const url = new URL(source.uri);
  const rule = hostRule(url);
  // Media over UDP comes from ports that the camera chooses.
  if (source.type === 'RTSP' && source.transport === 'UDP')
    return [{ ...rule, ports: [...rule.ports, { protocol: 'UDP' }] }];
  return [rule];
}

const usualPorts: Record<string, number> = { 'rtsp:': 554, 'rtsps:': 322, 'http:': 80, 'https:': 443 };

/** Only to that address when it is one; a name can mean any address but those of cloud metadata. */
function hostRule(url: URL): Rule {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const version = isIP(host);
  const to: Peer[] =
    version === 0
      ? [
          { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } },
          { ipBlock: { cidr: '::/0', except: ['fe80::/10', 'fd00:ec2::254/128'] } },
        ]
      : [{ ipBlock: { cidr: `${host}/${version === 4 ? 32 : 128}` } }];
  return { to, ports: [{ protocol: 'TCP', port: Number(url.port) || usualPorts[url.protocol] || 443 }] };
}

function uniqueRules(rules: Rule[]): Rule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
