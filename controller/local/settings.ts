// Reads the environment of a local controller's process; main.ts is its only caller.
import { ConfigError } from '../../config/validation/configError.ts';
import { usualHeartbeat, type HeartbeatTiming } from '../link/heartbeat.ts';

export interface Settings {
  node: string;
  /** Folder on the node's disk, of this process alone. */
  storeFolder: string;
  /** `wss://host:port` of the controller. */
  controllerUrl: URL;
  /** Files, read anew for each connection. */
  caFile?: string;
  tokenFile?: string;
  certificateFile?: string;
  keyFile?: string;
  heartbeat: HeartbeatTiming;
  reconnectMs: { minMs: number; maxMs: number };
  port: number;
  host: string;
  logLevel: string;
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const nodeName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * NODE_NAME, MEI_CONTROLLER_URL, MEI_LC_STORE, MEI_CONTROLLER_CA, MEI_NODE_TOKEN_FILE, MEI_NODE_CERT, MEI_NODE_KEY,
 * MEI_LINK_PING_MS, MEI_LINK_DEAD_MS, MEI_LINK_RETRY_MS, MEI_LINK_RETRY_MAX_MS, PORT, MEI_HOST, MEI_LOG_LEVEL.
 * @throws ConfigError with all problems
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];
  const whole = (name: string, otherwise: number, least: number, most: number) => {
    const value = env[name] ? Number(env[name]) : otherwise;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    problems.push(
      `${name}: must be a whole number from ${least} to ${most}, not ${JSON.stringify(env[name])}`,
    );
    return otherwise;
  };
  const node = env['NODE_NAME'] ?? '';
  if (!nodeName.test(node))
    problems.push(`NODE_NAME: must be the name of this node in the cluster, not ${JSON.stringify(node)}`);
  const controllerUrl = linkAddress(env['MEI_CONTROLLER_URL'] ?? '', problems);
  const files = {
    caFile: env['MEI_CONTROLLER_CA'],
    tokenFile: env['MEI_NODE_TOKEN_FILE'],
    certificateFile: env['MEI_NODE_CERT'],
    keyFile: env['MEI_NODE_KEY'],
  };
  if (!files.tokenFile && !(files.certificateFile && files.keyFile))
    problems.push(
      'MEI_NODE_TOKEN_FILE: must name the file with the token of this node, or MEI_NODE_CERT and MEI_NODE_KEY its certificate',
    );
  const logLevel = env['MEI_LOG_LEVEL'] || 'info';
  if (!levels.includes(logLevel)) problems.push(`MEI_LOG_LEVEL: must be one of ${levels.join(', ')}`);
  const heartbeat = {
    pingMs: whole('MEI_LINK_PING_MS', usualHeartbeat.pingMs, 10, 600_000),
    deadMs: whole('MEI_LINK_DEAD_MS', usualHeartbeat.deadMs, 20, 3_600_000),
  };
  if (heartbeat.deadMs <= 2 * heartbeat.pingMs)
    problems.push('MEI_LINK_DEAD_MS: must be more than twice MEI_LINK_PING_MS');
  const settings: Settings = {
    node,
    storeFolder: env['MEI_LC_STORE'] || '/var/lib/multi-edge-inference',
    controllerUrl: controllerUrl!,
    ...Object.fromEntries(Object.entries(files).filter(([, file]) => file)),
    heartbeat,
    reconnectMs: {
      minMs: whole('MEI_LINK_RETRY_MS', 1000, 10, 60_000),
      maxMs: whole('MEI_LINK_RETRY_MAX_MS', 30_000, 10, 600_000),
    },
    port: whole('PORT', 9100, 0, 65_535),
    host: env['MEI_HOST'] || '127.0.0.1',
    logLevel,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** Without TLS only on this machine: the token goes over it. */
function linkAddress(text: string, problems: string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url && (url.protocol === 'wss:' || (url.protocol === 'ws:' && isLocal))) return url;
  problems.push(
    `MEI_CONTROLLER_URL: must be the wss:// address of the controller, not ${JSON.stringify(text)}`,
  );
  return undefined;
}
