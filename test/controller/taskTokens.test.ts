// Tokens of tasks: derived from keys, made as Secrets, with no right to read any Secret but the one with the keys.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { ApiError } from '../../controller/errors.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { keySecretName, loadTaskKeys, TaskTokens } from '../../controller/taskTokens.ts';
import { sampleTask } from './sampleTasks.ts';

const [older, newer] = ['a'.repeat(32), 'b'.repeat(64)];
const task = sampleTask('rtsp');

/** As the API server: a name is taken once. */
function server(data?: Record<string, string>) {
  const made: Manifest[] = [];
  const there = new Set<string>();
  return {
    made,
    there,
    async get() {
      const own = made.find(({ metadata }) => metadata.name === keySecretName);
      const text = own && (own['stringData'] as { keys: string }).keys;
      const found = data ?? (text === undefined ? undefined : { keys: Buffer.from(text).toString('base64') });
      return found && ({ kind: 'Secret', data: found } as unknown as Manifest);
    },
    async create(manifest: Manifest) {
      const { namespace, name } = manifest.metadata;
      if (there.has(`${namespace}/${name}`)) throw new ApiError(409, 'AlreadyExists', 'is there');
      there.add(`${namespace}/${name}`);
      made.push(manifest);
      const texts = Object.entries(manifest['stringData'] as Record<string, string>);
      const encoded = texts.map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      return { ...manifest, data: Object.fromEntries(encoded) } as Manifest;
    },
  };
}

test('keys are made when there are none, and are the same afterwards', async () => {
  const api = server();
  const keys = await loadTaskKeys(api, 'mei');
  expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  expect(await loadTaskKeys(api, 'mei')).toEqual(keys);
  expect(await loadTaskKeys(server(), 'mei')).not.toEqual(keys);
});

test('whoever loses the race for making them takes those of the other', async () => {
  const api = server();
  let isFirst = true;
  const late = {
    get: async () => (isFirst ? ((isFirst = false), undefined) : api.get()),
    create: (manifest: Manifest) => api.create(manifest),
  };
  const keys = await loadTaskKeys(api, 'mei');
  expect(await loadTaskKeys(late, 'mei')).toEqual(keys);
});

test.each([
  ['nothing', {}],
  ['a short key', { keys: Buffer.from('short\n').toString('base64') }],
  ['too many keys', { keys: Buffer.from(`${older}\n`.repeat(9)).toString('base64') }],
])('keys that cannot be used (%s) are refused by name', async (_what, data) => {
  await expect(loadTaskKeys(server(data), 'mei')).rejects.toThrow(
    `Secret mei/${keySecretName}: keys must hold 1 to 8 keys of at least 32 characters, one a line`,
  );
});

test('a token belongs to one life of one task and to one key; during a change of keys both count', () => {
  const [before] = new TaskTokens([older]).of('u1');
  expect(before).toMatch(/^[\w-]{43}$/);
  expect(new TaskTokens([older]).of('u2')).not.toContain(before);
  const both = new TaskTokens([newer, older]).of('u1');
  expect(both).toHaveLength(2);
  expect(both[1]).toBe(before);
});

test('the Secret of a task is made once, is collected with it, and one that is there is left as it is', async () => {
  let nowMs = 0;
  const tokens = new TaskTokens([newer, older], () => nowMs);
  const api = server();
  await tokens.ensure(api, 'a/b', task);
  await tokens.ensure(api, 'a/b', task);
  expect(api.made).toHaveLength(1);
  const [secret] = api.made as [Manifest];
  const of = tokens.of(task.metadata.uid!);
  expect(secret).toMatchObject({
    kind: 'Secret',
    type: 'Opaque',
    stringData: { token: `${of.join('\n')}\n` },
  });
  expect(secret.metadata.ownerReferences).toMatchObject([{ uid: task.metadata.uid, controller: true }]);
  // Somebody removed it.
  api.there.clear();
  nowMs = 600_001;
  await tokens.ensure(api, 'a/b', task);
  expect(api.made).toHaveLength(2);
  // Another process does not know that it is there.
  await new TaskTokens([older]).ensure(api, 'a/b', task);
  expect(api.made).toHaveLength(2);
});

test('a new task of the same name has a Secret of its own', async () => {
  const api = server();
  const tokens = new TaskTokens([older]);
  const again = { ...task, metadata: { ...task.metadata, uid: 'another-life-of-it' } };
  await tokens.ensure(api, 'a/b', task);
  await tokens.ensure(api, 'a/b', again);
  expect(new Set(api.made.map(({ metadata }) => metadata.name)).size).toBe(2);
});

test('the controller may make Secrets, and read no other than its own', () => {
  const rules = ['controller', 'leader-election', 'task-keys', 'people'].flatMap((file) =>
    parseAllDocuments(readFileSync(`config/rbac/${file}.yaml`, 'utf8')).flatMap((document) => {
      const { kind, rules = [] } = document.toJS() as { kind: string; rules?: { resources: string[] }[] };
      return rules.map((rule) => ({ kind, ...rule }));
    }),
  );
  expect(rules.filter(({ resources }) => resources.includes('secrets') || resources.includes('*'))).toEqual([
    { kind: 'ClusterRole', apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    { kind: 'Role', apiGroups: [''], resources: ['secrets'], resourceNames: [keySecretName], verbs: ['get'] },
  ]);
});
