// Output whose reader is gone, as with `mei models list | head`: no stack trace, and a run still leaves its results.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from '@jest/globals';

const folder = mkdtempSync(join(tmpdir(), 'mei-reader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nobody reads the output from the start, so that its first line already fails. */
async function meiWithoutReader(args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'cli/mei.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  child.stdout.destroy();
  const [stderr, [code]] = await Promise.all([
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stderr };
}

test.each([
  ['--help'],
  ['models list'],
  ['models list --json'],
  ['models verify mb3-centernet-person-512'],
  ['run --help'],
  ['validate config/samples/minimal.yaml'],
  ['validate config/samples/minimal.yaml --json'],
  ['render config/samples/knative.yaml'],
  ['doctor'],
  ['completion bash'],
])(
  'mei %s ends like any other program of a pipe',
  async (line) => {
    expect(await meiWithoutReader(line.split(' '))).toEqual({ code: 141, stderr: '' });
  },
  120_000,
);

test('a run stops gracefully: its results are written', async () => {
  const task = join(folder, 'task.yaml');
  const camera = `{id: left, source: {uri: ${resolve('samples/left.mp4')}, startTime: "2026-01-01T12:00:00Z"}}`;
  writeFileSync(
    task,
    `apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: left}\nspec:\n  packing: PerNode\n  cameras: [${camera}]\n`,
  );
  const out = join(folder, 'out');
  expect(await meiWithoutReader(['run', task, '--out', out])).toEqual({ code: 0, stderr: '' });
  for (const name of ['status.json', 'identities.jsonl'])
    expect([name, existsSync(join(out, name))]).toEqual([name, true]);
}, 120_000);
