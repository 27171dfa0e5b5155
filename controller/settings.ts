// Reads the environment of the controller's process; main.ts is its only caller.
import { ConfigError } from '../config/validation/configError.ts';
import { parseNetworks } from '../config/networks.ts';
import { readLinkSettings, type LinkSettings } from './downstream/settings.ts';
import { usualReach, type Installation, type Reach } from './objects/manifest.ts';
import { readTracing } from './tracing.ts';

export interface Settings {
  /** Unique among the controllers: the name in the lease. */
  identity: string;
  /** Where the lease is. */
  namespace: string;
  leaseName: string;
  port: number;
  host: string;
  logLevel: string;
  installation: Installation;
  /** Where local controllers dial in; absent: there are none. */
  link?: LinkSettings;
}

const pullPolicies = ['IfNotPresent', 'Always', 'Never'] as const;
/** Serving itself, and the gateways that it is usually installed with. */
const usualKnativeNamespaces = 'knative-serving,kourier-system,istio-system,contour-internal';
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * POD_NAME, POD_NAMESPACE, MEI_LEASE, PORT, MEI_HOST, MEI_LOG_LEVEL, MEI_IMAGE, MEI_IMAGE_PULL_POLICY,
 * MEI_IMAGE_PULL_SECRETS (`a,b`), MEI_FILE_FOLDERS (`/a:/b`), MEI_EDGE_NODE_SELECTOR (`label=value,label=value`), MEI_KNATIVE_NAMESPACES (`a,b`),
 * MEI_CAMERA_NETWORKS and MEI_DOWNLOAD_NETWORKS (`public,private,10.0.0.0/8`), MEI_CAMERA_HOSTS and MEI_DOWNLOAD_HOSTS (`*.a.example`),
 * OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and OTEL_TRACES_SAMPLER_ARG for workers.
 * @param image of serverless.yml, when MEI_IMAGE does not say another
 * @param processName unique name when there is no POD_NAME
 * @throws ConfigError with all problems
 */
export function readSettings(env: NodeJS.ProcessEnv, image: string, processName: string): Settings {
  const problems: string[] = [];
  const port = Number(env['PORT'] || 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push(`PORT: must be a whole number from 0 to 65535, not ${JSON.stringify(env['PORT'])}`);
  const imagePullPolicy = pullPolicies.find(
    (each) => each === (env['MEI_IMAGE_PULL_POLICY'] || 'IfNotPresent'),
  );
  if (imagePullPolicy === undefined)
    problems.push(`MEI_IMAGE_PULL_POLICY: must be one of ${pullPolicies.join(', ')}`);
  const imagePullSecrets = (env['MEI_IMAGE_PULL_SECRETS'] ?? '').split(',').filter(Boolean);
  for (const name of imagePullSecrets)
    if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
      problems.push(`MEI_IMAGE_PULL_SECRETS: ${JSON.stringify(name)} is not the name of a Secret`);
  const fileFolders = (env['MEI_FILE_FOLDERS'] ?? '/var/lib/recordings').split(':').filter(Boolean);
  for (const folder of fileFolders)
    if (!/^\/[^/]/.test(folder) || folder.split('/').includes('..'))
      problems.push(`MEI_FILE_FOLDERS: ${folder} is not the absolute path of a folder below /`);
  const logLevel = env['MEI_LOG_LEVEL'] || 'info';
  if (!levels.includes(logLevel)) problems.push(`MEI_LOG_LEVEL: must be one of ${levels.join(', ')}`);
  const edgeNodeSelector = labelsOf(env['MEI_EDGE_NODE_SELECTOR'] ?? '', problems);
  const knativeNamespaces = (env['MEI_KNATIVE_NAMESPACES'] || usualKnativeNamespaces).split(',');
  for (const name of knativeNamespaces)
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      problems.push(`MEI_KNATIVE_NAMESPACES: ${JSON.stringify(name)} is not the name of a namespace`);
  const reach = reachOf(env, problems);
  const tracing = readTracing(env, problems);
  const link = readLinkSettings(env, problems);
  const localControllerPort = Number(env['MEI_LC_PORT'] || 9100);
  if (!Number.isInteger(localControllerPort) || localControllerPort < 1 || localControllerPort > 65_535)
    problems.push('MEI_LC_PORT: must be the port of local controllers on their nodes, such as 9100');
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    identity: env['POD_NAME'] || processName,
    namespace: env['POD_NAMESPACE'] || 'multi-edge-inference',
    leaseName: env['MEI_LEASE'] || 'multi-edge-inference-controller',
    port,
    host: env['MEI_HOST'] || '0.0.0.0',
    logLevel,
    ...(link && { link }),
    installation: {
      image: env['MEI_IMAGE'] || image,
      imagePullPolicy: imagePullPolicy!,
      imagePullSecrets,
      fileFolders,
      edgeNodeSelector,
      knativeNamespaces,
      reach,
      ...(tracing && { tracing }),
      ...(link && { localControllerPort }),
    },
  };
}

function reachOf(env: NodeJS.ProcessEnv, problems: string[]): Reach {
  const entries = Object.entries<string>({ ...usualReach }).map(
    ([name, usual]) => [name, env[name] || usual] as const,
  );
  for (const [name, networks] of entries.filter(([name]) => name.endsWith('_NETWORKS'))) {
    try {
      parseNetworks(networks, name);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return Object.fromEntries(entries) as unknown as Reach;
}

function labelsOf(text: string, problems: string[]): Record<string, string> {
  const pairs = text.split(',').filter(Boolean);
  const wrong = pairs.find((pair) => !/^[A-Za-z0-9][-A-Za-z0-9_./]*=[-A-Za-z0-9_.]*$/.test(pair));
  if (wrong !== undefined)
    problems.push(`MEI_EDGE_NODE_SELECTOR: ${JSON.stringify(wrong)} is not a label such as role=edge`);
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}
