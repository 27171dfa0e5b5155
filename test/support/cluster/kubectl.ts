// Runs the kubectl of the test cluster, never one that happens to be on the machine; cluster.ts hands it to the tests.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';

const deadlineMs = 60_000;

export class KubectlError extends Error {
  override readonly name = 'KubectlError';
  /** What it printed on standard error. */
  readonly stderr: string;
  readonly stdout: string;

  constructor(args: string[], code: number | null, stdout: string, stderr: string) {
    super(
      `kubectl ${args.join(' ')} gave ${code ?? `no answer in ${deadlineMs / 1000} s`}: ${stderr.trim() || stdout.trim()}`,
    );
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** What it prints on standard output. */
export async function runKubectl(
  program: string,
  kubeconfig: string,
  args: string[],
  stdin = '',
): Promise<string> {
  const home = dirname(kubeconfig);
  const child = spawn(program, args, {
    cwd: process.cwd(),
    env: { HOME: home, KUBECONFIG: kubeconfig, PATH: process.env['PATH'] ?? '' },
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const read = async (stream: AsyncIterable<Buffer>) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([closed, read(child.stdout), read(child.stderr)]);
  if (code !== 0) throw new KubectlError(args, code, stdout, stderr);
  return stdout;
}
