import { expect, test } from '@jest/globals';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { OwnWrites } from '../../controller/ownWrites.ts';
import { covers, planOf } from '../../controller/plan.ts';

function object(name: string, more: object = {}, uid = 'task-1'): Manifest {
  const owner = {
    apiVersion: 'sedna.io/v1alpha1',
    kind: 'MultiEdgeInference',
    name: 't',
    uid,
    controller: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      namespace: 'ns',
      ownerReferences: [owner],
      ...(more as { metadata?: object }).metadata,
    },
    ...Object.fromEntries(Object.entries(more).filter(([field]) => field !== 'metadata')),
  };
}

const names = (objects: Manifest[]) => objects.map(({ metadata }) => metadata.name);

test('applies what is missing or different, prunes leftovers, leaves the rest', () => {
  const wanted = [
    object('same', { data: { a: '1' } }),
    object('changed', { data: { a: '2' } }),
    object('new'),
  ];
  const observed = [
    object('same', { data: { a: '1', more: 'of others' } }),
    object('changed', { data: { a: '1' } }),
    object('old'),
  ];
  const plan = planOf(wanted, observed, 'task-1');
  expect(
    plan.apply.map(({ manifest, observed: before }) => [manifest.metadata.name, before !== undefined]),
  ).toEqual([
    ['changed', true],
    ['new', false],
  ]);
  expect([names(plan.prune), names(plan.taken)]).toEqual([['old'], []]);
});

test('what another owner has is neither applied nor pruned', () => {
  const plan = planOf([object('a')], [object('a', {}, 'task-2'), object('b', {}, 'task-2')], 'task-1');
  expect([plan.apply, plan.prune, names(plan.taken)]).toEqual([[], [], ['a']]);
});

test('what is going is not pruned again, and what is wanted is applied once more', () => {
  const going = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const plan = planOf([object('a')], [object('a', going), object('b', going)], 'task-1');
  expect([plan.apply.length, plan.prune]).toEqual([1, []]);
});

test.each([
  ['more fields of the server', { a: 1, b: 2 }, { a: 1 }, true],
  ['another value', { a: 2 }, { a: 1 }, false],
  ['an empty list that the server leaves out', {}, { a: [], b: {} }, true],
  ['a list that should be empty', { a: [1] }, { a: [] }, false],
  ['another order of plain items', { a: [2, 1] }, { a: [1, 2] }, false],
  ['named items of others', { a: [{ name: 'x' }, { name: 'y', v: 1 }] }, { a: [{ name: 'y', v: 1 }] }, true],
  ['a named item that was changed', { a: [{ name: 'y', v: 2 }] }, { a: [{ name: 'y', v: 1 }] }, false],
  [
    'conditions of others',
    { a: [{ type: 'X' }, { type: 'Y', s: '1' }] },
    { a: [{ type: 'Y', s: '1' }] },
    true,
  ],
  [
    'an owner of the same name, but another one',
    { a: [{ name: 't', uid: '2' }] },
    { a: [{ name: 't', uid: '1' }] },
    false,
  ],
  ['nothing at all', undefined, { a: 1 }, false],
  ['false is not nothing', {}, { a: false }, false],
])('compares: %s', (_, observed, wanted, isCovered) => {
  expect(covers(observed, wanted)).toBe(isCovered);
});

test('an own write counts until the copy shows something newer', () => {
  const writes = new OwnWrites(() => 0);
  const old = object('a', { metadata: { resourceVersion: '1' } });
  const written = object('a', { metadata: { resourceVersion: '2' }, data: { a: '1' } });
  writes.record('k', old, 'digest', written);
  expect(writes.newest('k', old)).toBe(written);
  const newer = object('a', { metadata: { resourceVersion: '3' } });
  expect(writes.newest('k', newer)).toBe(newer);
  expect(writes.newest('k', old)).toBe(old);
});

test('the same write is not made twice for the same state, even if the server stores it in other words', () => {
  const writes = new OwnWrites(() => 0);
  const stored = object('a', { metadata: { resourceVersion: '2' } });
  writes.record('k', undefined, 'digest', stored);
  expect(writes.isSettled('k', stored, 'digest')).toBe(true);
  expect(writes.isSettled('k', stored, 'other')).toBe(false);
  expect(writes.isSettled('k', object('a', { metadata: { resourceVersion: '3' } }), 'digest')).toBe(false);
  expect(writes.isSettled('k', undefined, 'digest')).toBe(false);
});

test('an object that never shows up after it was made is made again', () => {
  let nowMs = 0;
  const writes = new OwnWrites(() => nowMs);
  writes.record('k', undefined, 'digest', object('a'));
  expect(writes.newest('k', undefined)).toBeDefined();
  nowMs = 10_001;
  expect(writes.newest('k', undefined)).toBeUndefined();
});
