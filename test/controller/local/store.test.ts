// What a local controller stores and refuses, event by event, on a real disk.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { LinkEvent, TaskRef } from '../../../controller/link/events.ts';
import { receive } from '../../../controller/local/receive.ts';
import { TaskStore } from '../../../controller/local/store.ts';

let folder: string;
let store: TaskStore;
const damages: string[] = [];
const open = () => new TaskStore(folder, (movedTo) => damages.push(movedTo));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-store-'));
  damages.length = 0;
  store = open();
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const ref = (name: string, generation: number, uid = `uid-${name}`): TaskRef => ({
  namespace: 'default',
  name,
  uid,
  generation,
});

function insert(
  task: TaskRef,
  digest = `digest-${task.generation}`,
  workers = [`${task.name}-edge`],
): LinkEvent {
  const configs = workers.map((worker) => ({ worker, digest }));
  return {
    name: 'insert',
    id: `${task.uid}/${task.generation}`,
    data: { task, digest, workers: configs, tokens: [`token-of-${task.uid}`] },
  };
}

const digestOf = (worker: string) =>
  store.configs(worker).map(({ text }) => (JSON.parse(text) as { digest: string }).digest);

function reopen(): void {
  store.close();
  store = open();
}

test('a task is there after a restart, with the configuration of each worker and a tag that follows it', () => {
  expect(receive(store, insert(ref('gate', 1)))).toEqual({
    answer: { of: 'uid-gate/1' },
    changed: ['gate-edge'],
  });
  const [before] = store.configs('gate-edge');
  reopen();
  expect(store.configs('gate-edge')).toEqual([before]);
  receive(store, insert(ref('gate', 2)));
  reopen();
  expect(store.tasks()).toEqual([ref('gate', 2)]);
  expect(digestOf('gate-edge')).toEqual(['digest-2']);
  expect(store.configs('gate-edge')[0]!.tag).not.toBe(before!.tag);
});

test('the same event again changes nothing; other contents of the same generation are taken', () => {
  receive(store, insert(ref('gate', 3)));
  expect(receive(store, insert(ref('gate', 3))).changed).toEqual([]);
  expect(receive(store, insert(ref('gate', 3), 'other')).changed).toEqual(['gate-edge']);
  expect(digestOf('gate-edge')).toEqual(['other']);
});

test('a stale generation is refused with the one that is stored', () => {
  receive(store, insert(ref('gate', 3)));
  expect(receive(store, insert(ref('gate', 2), 'late'))).toEqual({
    answer: { of: 'uid-gate/2', reason: 'generation 2 of task default/gate is stale: 3 is stored' },
    changed: [],
  });
  expect(digestOf('gate-edge')).toEqual(['digest-3']);
});

test('a task that was deleted and made anew begins at generation 1', () => {
  receive(store, insert(ref('gate', 7)));
  receive(store, insert(ref('gate', 1, 'uid-new'), 'new'));
  expect(store.tasks()).toEqual([ref('gate', 1, 'uid-new')]);
  reopen();
  expect(digestOf('gate-edge')).toEqual(['new']);
});

test('a worker that left the task is told of, and served no more', () => {
  receive(store, insert(ref('gate', 1), 'a', ['gate-ingest', 'gate-detect']));
  const { changed } = receive(store, insert(ref('gate', 2), 'b', ['gate-edge']));
  expect(changed.sort()).toEqual(['gate-detect', 'gate-edge', 'gate-ingest']);
  expect(store.configs('gate-ingest')).toEqual([]);
});

test('an inventory drops what is not in it, a delete its task; both may come twice', () => {
  for (const name of ['a', 'b', 'c']) receive(store, insert(ref(name, 1)));
  const inventory: LinkEvent = { name: 'inventory', id: 'i', data: { tasks: [ref('a', 5), ref('c', 1)] } };
  expect(receive(store, inventory)).toEqual({ answer: { of: 'i' }, changed: ['b-edge'] });
  expect(receive(store, inventory).changed).toEqual([]);
  const gone: LinkEvent = { name: 'delete', id: 'd', data: { task: ref('c', 1) } };
  expect(receive(store, gone).changed).toEqual(['c-edge']);
  expect(receive(store, gone)).toEqual({ answer: { of: 'd' }, changed: [] });
  reopen();
  expect(store.tasks()).toEqual([ref('a', 1)]);
});

test('workers of one name in two namespaces are two', () => {
  receive(store, insert(ref('gate', 1)));
  const other = { ...ref('gate', 1, 'uid-other'), namespace: 'other' };
  receive(store, insert(other, 'theirs'));
  expect(digestOf('gate-edge').sort()).toEqual(['digest-1', 'theirs']);
});

test('what cannot be stored is refused with the reason, and not served', () => {
  receive(store, insert(ref('gate', 1)));
  store.close();
  const { answer, changed } = receive(store, insert(ref('gate', 2)));
  expect(answer).toEqual({ of: 'uid-gate/2', reason: expect.stringContaining('cannot be used') });
  expect(changed).toEqual([]);
  expect(digestOf('gate-edge')).toEqual(['digest-1']);
  store = open();
});

test('a damaged file is put aside: the node starts and is told anew', () => {
  receive(store, insert(ref('gate', 1)));
  store.close();
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  writeFileSync(join(folder, 'tasks.db'), Buffer.alloc(8192, 'x'));
  store = open();
  expect(damages).toEqual([join(folder, 'tasks.db.damaged')]);
  expect(readdirSync(folder)).toContain('tasks.db.damaged');
  expect(store.tasks()).toEqual([]);
  expect(receive(store, insert(ref('gate', 1))).answer).toEqual({ of: 'uid-gate/1' });
});
