// Asks Knative's own admission code about manifests: what a cluster with Knative would refuse, warn of, and store.
import { spawn } from 'node:child_process';
import { findPrograms } from './programs.ts';

export interface Verdict {
  /** Empty when the object is taken. */
  error: string;
  warning: string;
  /** As it would be stored, with Knative's defaults. */
  object: Record<string, unknown>;
}

const deadlineMs = 60_000;

/** @param features switches of config-features; those left out are as Knative has them */
export async function admit(objects: object[], features: Record<string, string> = {}): Promise<Verdict[]> {
  const program = (await findPrograms(['knative-admission']))['knative-admission'];
  const child = spawn(program, { timeout: deadlineMs, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(JSON.stringify({ objects, features }));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const code = await ended;
  if (code !== 0) throw new Error(`knative-admission ended with ${code}`);
  return JSON.parse(Buffer.concat(chunks).toString()) as Verdict[];
}
