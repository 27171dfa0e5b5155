// The real osls reads serverless.yml as our loader does, refuses what the loader refuses, and writes Knative manifests.
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { eventTypes } from '../../config/events.ts';
import { knative } from '../../config/knative.ts';
import { loadFunctions, parseFunctions, type FunctionSpec } from '../../config/functions.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { quantityBytes } from '../../config/quantities.ts';
import { stageNames, type StageName } from '../../config/worker.ts';

const run = promisify(execFile);
const text = readFileSync(join(packageRoot(), 'serverless.yml'), 'utf8');
let folder: string;

/** A folder with nothing built and no network needed: the plugin, what it reads, and handlers. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'osls-'));
  for (const name of ['plugins', 'config', 'package.json'])
    cpSync(join(packageRoot(), name), join(folder, name), { recursive: true });
  symlinkSync(join(packageRoot(), 'node_modules'), join(folder, 'node_modules'));
  for (const name of stageNames) {
    mkdirSync(join(folder, 'functions', name), { recursive: true });
    writeFileSync(join(folder, 'functions', name, 'handler.ts'), '');
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

async function osls(
  list: string,
  ...args: string[]
): Promise<{ code: number; output: string; stdout: string }> {
  writeFileSync(join(folder, 'serverless.yml'), list);
  const program = join(packageRoot(), 'node_modules/osls/bin/serverless.js');
  const env = { ...process.env, SLS_SCHEMA_CACHE_BASE_DIR: join(folder, 'cache'), NO_COLOR: '1' };
  try {
    const { stdout, stderr } = await run(process.execPath, [program, ...args], {
      cwd: folder,
      env,
      timeout: 60_000,
    });
    return { code: 0, output: stdout + stderr, stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr, stdout };
  }
}

test('osls print and the loader read the same list', async () => {
  const { code, stdout, output } = await osls(text, 'print', '--format', 'json');
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
  const printed = JSON.parse(stdout) as {
    service: string;
    provider: { image: string };
    functions: Record<string, Printed>;
  };
  const ours = loadFunctions();
  expect(printed.service).toBe(ours.service);
  expect(printed.provider.image).toBe(ours.image);
  const read = Object.fromEntries(
    Object.entries(printed.functions).map(([name, entry]) => [name, asOurs(name, entry)]),
  );
  expect(read).toEqual(ours.functions);
});

test('osls package writes manifests of the cloud functions, and none of the edge', async () => {
  const { code, output } = await osls(text, 'package');
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('detect runs on edge nodes') });
  const written = join(folder, '.serverless/knative');
  const { functions, image, service } = loadFunctions();
  const cloud = stageNames.filter((name) => functions[name].placement === 'cloud');
  expect(readdirSync(written)).toEqual(cloud.map((name) => `${name}.yaml`));
  for (const name of cloud) {
    const { scaling, resources, consumes, produces } = functions[name];
    const objects = parseAllDocuments(readFileSync(join(written, `${name}.yaml`), 'utf8')).map(
      (document) => document.toJS() as Manifest,
    );
    const kinds = [
      'Service',
      ...consumes.map(() => 'Trigger'),
      ...(produces.length > 0 ? ['SinkBinding'] : []),
    ];
    expect(objects.map(({ kind }) => kind)).toEqual(kinds);
    const { template } = objects[0]!.spec as { template: Template };
    expect(template.metadata.annotations).toMatchObject({
      'autoscaling.knative.dev/min-scale': String(scaling.min),
      // Who shares its work is several workers with a configuration each.
      'autoscaling.knative.dev/max-scale': String(scaling.shared ? 1 : scaling.max),
    });
    expect(template.spec.containerConcurrency).toBe(scaling.concurrency);
    expect(template.spec.containers[0]).toMatchObject({ image, resources });
    const triggers = objects.filter(({ kind }) => kind === 'Trigger').map(({ spec }) => spec);
    expect(triggers).toEqual(
      consumes.map((event) => ({
        broker: 'default',
        filter: { attributes: { type: eventTypes[event] } },
        subscriber: { ref: expect.objectContaining({ kind: 'Service', name: `${service}-${name}` }) },
        delivery: knative.delivery,
      })),
    );
  }
});

test.each([
  ['placement: edge', 'placement: moon', 'functions.ingest.placement'],
  ['maxBytes: 64Mi', 'maxBytes: lots', 'functions.ingest.queue.maxBytes'],
  ['consumes: [frame, stream]', 'consumes: [frame, strem]', 'functions.detect.consumes'],
  ['acknowledge: queued', 'acknowledged: queued', 'functions.ingest'],
  ['produces: [frame, stream]', 'produces: [stream]', 'functions.detect.consumes'],
  [
    'handler: functions/embed/handler.create',
    'handler: functions/embed/gone.create',
    'functions.embed.handler',
  ],
  ['  embed:', '  embedding:', 'functions.embed'],
])('%s -> %s fails print and package with the path, and the loader too', async (from, to, path) => {
  const wrong = text.replace(from, to);
  expect(wrong).not.toBe(text);
  expect(() => parseFunctions(wrong, 'serverless.yml', folder)).toThrow(path);
  const results = await Promise.all([osls(wrong, 'print'), osls(wrong, 'package')]);
  expect(results.map(({ code }) => code)).toEqual([1, 1]);
  for (const { output } of results) expect(output).toContain(path);
});

type Printed = Omit<FunctionSpec, 'queue' | 'name'> & { queue: { maxEvents: number; maxBytes: string } };
interface Manifest {
  kind: string;
  spec: object;
}
interface Template {
  metadata: { annotations: object };
  spec: { containerConcurrency: number; containers: object[] };
}

/** Leaves out what osls adds, and reads quantities as the loader does. */
function asOurs(name: string, entry: Printed): FunctionSpec {
  const { events: _events, ...rest } = entry as Printed & { events: unknown };
  const { maxEvents, maxBytes } = entry.queue;
  return { ...rest, name: name as StageName, queue: { maxEvents, maxBytes: quantityBytes(maxBytes) } };
}
