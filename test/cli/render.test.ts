// `mei render`: the objects that the controller makes, without what only a cluster knows.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { ownMachine } from '../../functions/media/addressGuard.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-render-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function render(...args: string[]) {
  const env = {
    ...process.env,
    MEI_FILE_FOLDERS: '/var/lib/recordings',
    MEI_KNATIVE_NAMESPACES: 'knative-serving,kourier-system',
  };
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'cli/mei.ts', 'render', ...args],
    { encoding: 'utf8', env },
  );
  return { stdout, stderr, status };
}

interface Rendered {
  kind: string;
  metadata: { name: string; namespace: string; ownerReferences?: unknown };
  spec?: unknown;
}

const objectsOf = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Rendered);

test('it gives the objects of the controller, without owner and uid', () => {
  const { stdout, stderr, status } = render('config/samples/knative.yaml');
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const rendered = objectsOf(stdout);
  const golden = objectsOf(readFileSync('test/controller/golden/knative.yaml', 'utf8'));
  const keys = (objects: Rendered[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(keys(rendered)).toEqual(keys(golden));
  expect(stdout).not.toMatch(/ownerReferences|\/uid: ""/);
  const policies = (objects: Rendered[]) =>
    objects.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => spec);
  expect(policies(rendered).length).toBeGreaterThan(1);
  expect(policies(rendered)).toEqual(policies(golden));
});

test('the Secret of the workers is named and not printed', () => {
  const { stdout } = render('config/samples/knative.yaml');
  const [, named] = /^# Not printed: Secret (\S+),/m.exec(stdout) ?? [];
  const pods = objectsOf(stdout).filter(({ kind }) => kind === 'Deployment' || kind === 'Service');
  const mounted = [...JSON.stringify(pods).matchAll(/"secretName":"(mei-[^"]*-task[^"]*)"/g)].map(
    ([, name]) => name,
  );
  expect(mounted.length).toBeGreaterThan(1);
  expect(new Set(mounted)).toEqual(new Set([named]));
  expect(objectsOf(stdout).map(({ kind }) => kind)).not.toContain('Secret');
});

test('image, namespace and JSON are as asked', () => {
  const path = join(folder, 'targets.yaml');
  writeFileSync(path, readFileSync('config/samples/targets.yaml', 'utf8'));
  const { stdout } = render(path, '--image', 'registry.example/mei:7', '-n', 'shop', '--json');
  const { kind, items } = JSON.parse(stdout) as { kind: string; items: Rendered[] };
  expect(kind).toBe('List');
  expect(new Set(items.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['shop']));
  const pods = items.filter((each) => each.kind === 'Deployment');
  expect(pods.length).toBeGreaterThan(1);
  for (const pod of pods) expect(JSON.stringify(pod)).toContain('"image":"registry.example/mei:7"');
  // What this machine may reach is nobody's business in a cluster.
  expect(stdout).not.toContain(ownMachine);
});

test('what the controller would refuse is said with the same words', () => {
  const { stdout, stderr, status } = render('config/samples/minimal.yaml');
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(/camera left: this installation opens only \/var\/lib\/recordings/);
});
