// A cloud side for tests of local controllers: a downstream controller on loopback with TLS, tokens and tasks of the test's own.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Task } from '../../../config/schema/resource.ts';
import { desired } from '../../../controller/desired.ts';
import { Downstream } from '../../../controller/downstream/downstream.ts';
import { sednaRoutes } from '../../../controller/downstream/routes.ts';
import { serveLinks, type LinkServer } from '../../../controller/downstream/server.ts';
import { sharesOf, type NodeShare } from '../../../controller/downstream/shares.ts';
import { TaskTokens } from '../../../controller/taskTokens.ts';
import { Forwarder } from '../../../controller/link/forwarder.ts';
import type { HeartbeatTiming } from '../../../controller/link/heartbeat.ts';
import { recordingLog } from '../recordingLog.ts';
import { surroundings, taskOf } from '../sampleTasks.ts';
import { createAuthority, type Authority, type Certificate } from './certificates.ts';

export const quickHeartbeat: HeartbeatTiming = { pingMs: 50, deadMs: 400 };

export interface Site {
  folder: string;
  authority: Authority;
  certificate: Certificate;
  tokensFolder: string;
  /** Makes a token of a node; gives the file that the node has. */
  addToken(node: string, token?: string): string;
  remove(): void;
}

export function createSite(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'mei-link-'));
  const authority = createAuthority(folder);
  const tokensFolder = join(folder, 'tokens');
  mkdirSync(tokensFolder);
  return {
    folder,
    authority,
    certificate: authority.sign('controller', 'IP:127.0.0.1'),
    tokensFolder,
    addToken(node, token = `token-of-${node}-0123456789abcdef`) {
      const digest = createHash('sha256').update(token).digest('hex');
      writeFileSync(join(tokensFolder, node), `# made by a test\n${digest}\n`);
      const file = join(folder, `${node}.token`);
      writeFileSync(file, `${token}\n`);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Cloud {
  downstream: Downstream;
  server: LinkServer;
  log: ReturnType<typeof recordingLog>;
  /** Keys that something was said about, in order. */
  changes: string[];
  publish(task: Task): void;
  close(): Promise<void>;
}

export interface CloudOptions {
  port?: number;
  tasks?: Task[];
  heartbeat?: HeartbeatTiming;
  clientCa?: string;
}

export async function startCloud(site: Site, options: CloudOptions = {}): Promise<Cloud> {
  const log = recordingLog();
  const changes: string[] = [];
  const downstream = new Downstream({
    log,
    onChange: (key) => changes.push(key),
    now: () => `${new Date().toISOString().slice(0, 19)}Z`,
  });
  const tasks = new Map<string, Task>();
  const publish = (task: Task) => {
    tasks.set(keyOf(task), task);
    downstream.publish(keyOf(task), shares(task));
  };
  for (const task of options.tasks ?? []) publish(task);
  const outbox = new Forwarder({ log });
  const server = await serveLinks({
    downstream,
    routes: (authenticate) =>
      sednaRoutes({ downstream, outbox, authenticate, now: Date.now, task: (key) => tasks.get(key) }),
    files: {
      ...site.certificate,
      tokensFolder: site.tokensFolder,
      ...(options.clientCa !== undefined && { clientCa: options.clientCa }),
    },
    port: options.port ?? 0,
    host: '127.0.0.1',
    heartbeat: options.heartbeat ?? quickHeartbeat,
    log,
  });
  return {
    downstream,
    server,
    log,
    changes,
    publish,
    async close() {
      await server.close();
      await outbox.close();
    },
  };
}

/** Of which the tokens of all tasks here are derived. */
export const taskKey = 'k'.repeat(32);

export function keyOf({ metadata }: Task): string {
  return `${metadata.namespace}/${metadata.name}`;
}

export function shares(task: Task): Map<string, NodeShare> {
  return sharesOf(task, desired(task, surroundings), [], new TaskTokens([taskKey]));
}

/** A task with one camera on each of these nodes. */
export function edgeTask(name: string, generation: number, nodes = ['edge-1'], threshold = 0.5): Task {
  const cameras = nodes.map(
    (node, index) => `{id: ${name}-${index}, node: ${node}, source: {uri: "rtsp://192.0.2.1/${index}"}}`,
  );
  const task = taskOf(
    `{packing: PerNode, cameras: [${cameras.join(', ')}], matching: {threshold: ${threshold}}}`,
  );
  return { ...task, metadata: { ...task.metadata, name, uid: `uid-of-${name}`, generation } };
}
