// The controller as its pod runs it: the built program in a process of its own, with the account of the install. ground.ts starts it.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import type { Cluster as TestCluster } from '../../test/support/cluster/cluster.ts';

export interface ControllerProcess {
  /** Requests so far, by the controller's own count, by HTTP method. */
  requests(): Promise<Record<string, number>>;
  /** Tasks that wait, or are worked on. */
  waiting(): Promise<number>;
  /** Of the processor, milliseconds. */
  cpuMs(): number;
  /** Resident set now and the largest ever, in 10^6 bytes. */
  memory(): Promise<{ residentMb: number; peakMb: number }>;
  stop(): Promise<void>;
}

const startMs = 30_000;
const manifest = 'config/manager/deployment.yaml';

/** Resolves when it leads. @param token of the controller's ServiceAccount */
export async function startController(
  { url, certificate, folder }: TestCluster,
  token: string,
): Promise<ControllerProcess> {
  const account = join(folder, 'controller-account');
  mkdirSync(account, { recursive: true });
  const files = { token, 'ca.crt': certificate, namespace: 'multi-edge-inference' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(account, name), text, { mode: 0o600 });
  const { hostname, port: serverPort } = new URL(url);
  const args = argumentsOfPod();
  const program = args.at(-1)!;
  const child = spawn('node', args, {
    env: {
      PATH: process.env['PATH'],
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: serverPort,
      MEI_SERVICE_ACCOUNT: account,
      PORT: '0',
      MEI_HOST: '127.0.0.1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${program} does not lead`)), startMs);
    let found = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { port, msg, level } = JSON.parse(line) as { port?: number; msg: string; level: number };
      found = port ?? found;
      if (level > 30) process.stderr.write(`${line}\n`);
      if (msg !== 'leading') return;
      clearTimeout(late);
      resolve(found);
    });
    void ended.then(() => reject(new Error(`${program} ended: is it built?`)));
  });

  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const megabytes = (status: string, field: string) =>
    (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
  return {
    async requests() {
      const lines = (await metrics()).matchAll(
        /^mei_controller_api_requests_total\{method="(\w+)"\} (\d+)$/gm,
      );
      return Object.fromEntries([...lines].map(([, method, count]) => [method!, Number(count)]));
    },
    async waiting() {
      return Number(/^mei_controller_tasks_waiting (\d+)$/m.exec(await metrics())?.[1]);
    },
    cpuMs: () => processCpuMs(child.pid!),
    async memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return { residentMb: megabytes(status, 'VmRSS'), peakMb: megabytes(status, 'VmHWM') };
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Node's flags decide how much memory garbage may take. */
function argumentsOfPod(): string[] {
  const { spec } = parse(readFileSync(manifest, 'utf8')) as {
    spec: { template: { spec: { containers: { args: string[] }[] } } };
  };
  return spec.template.spec.containers[0]!.args;
}

/** User and system time, of which the kernel counts hundredths of a second. */
function processCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
