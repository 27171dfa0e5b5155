// One real run over the sample videos, for all tests of the console: made once, copied where a test changes it.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** @param root where it is put; removed by the caller */
export async function recordRun(root: string): Promise<string> {
  const video = (name: string) => resolve('samples', `${name}.mp4`);
  const task = join(root, 'two-cameras.yaml');
  const cameras = ['left', 'right'].map(
    (id) => `    - {id: ${id}, fps: 3, source: {uri: ${video(id)}, startTime: "2026-01-01T12:00:00Z"}}`,
  );
  writeFileSync(
    task,
    [
      'apiVersion: sedna.io/v1alpha1',
      'kind: MultiEdgeInference',
      'metadata: {name: two-cameras}',
      'spec:',
      '  packing: PerNode',
      '  cameras:',
      ...cameras,
      '  topology:',
      '    overlaps: [{cameras: [left, right]}]',
      '    travelTimes: [{from: left, to: right, minSeconds: 0, maxSeconds: 60}]',
      '  closeContact: {method: Ellipse, minimumSeconds: 1}',
    ].join('\n'),
  );
  const out = join(root, 'run');
  const args = ['--import', 'tsx', 'cli/mei.ts', 'run', task, '--out', out, '--no-video', '--no-console'];
  await promisify(execFile)(process.execPath, args, { timeout: 280_000 });
  return out;
}

/** The same run in a folder of its own. */
export function copyOf(run: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'mei-console-run-'));
  cpSync(run, copy, { recursive: true });
  return copy;
}
