// Local controllers as the processes they are, for tests that kill them.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Site } from './site.ts';

const root = new URL('../../../', import.meta.url).pathname;

const fromSource = ['--import', 'tsx', join(root, 'controller/local/main.ts')];

export interface LocalProcess {
  child: ChildProcess;
  url: string;
  lines: string[];
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ code: number | null }>;
}

/** Resolves when it listens; `port` is of the controller. */
export async function startLocal(
  site: Site,
  node: string,
  port: number,
  env: Record<string, string> = {},
  /** A compiled program, which starts sooner. */
  program?: string,
): Promise<LocalProcess> {
  const child = spawn(process.execPath, program === undefined ? fromSource : [program], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_NAME: node,
      MEI_CONTROLLER_URL: `wss://127.0.0.1:${port}`,
      MEI_CONTROLLER_CA: site.authority.ca,
      MEI_NODE_TOKEN_FILE: join(site.folder, `${node}.token`),
      MEI_LC_STORE: join(site.folder, `store-${node}`),
      MEI_LINK_PING_MS: '50',
      MEI_LINK_DEAD_MS: '400',
      MEI_LINK_RETRY_MS: '50',
      MEI_LINK_RETRY_MAX_MS: '200',
      PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  const listening = new Promise<number>((resolve, reject) => {
    reader.on('line', (line) => {
      lines.push(line);
      const { msg, port: own } = JSON.parse(line) as { msg: string; port?: number };
      if (msg === 'listening') resolve(own!);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${lines.join('\n')}`)));
  });
  const own = await listening;
  return {
    child,
    url: `http://127.0.0.1:${own}`,
    lines,
    async kill(signal) {
      const ended = once(child, 'exit');
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return { code };
    },
  };
}
