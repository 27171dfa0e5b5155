import { expect, test } from '@jest/globals';
import { OwnWrites } from '../../controller/ownWrites.ts';

const object = (resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'ns', resourceVersion },
});

test('the answer to a write stands for the copy until that shows something newer than before', () => {
  const writes = new OwnWrites();
  writes.record('key', object('1'), 'digest', object('2'));
  expect(writes.newest('key', object('1'))).toEqual(object('2'));
  expect(writes.newest('key', object('3'))).toEqual(object('3'));
});

test('what a write made is made again once it was long enough not to be seen', () => {
  let nowMs = 0;
  const writes = new OwnWrites(() => nowMs);
  writes.record('key', undefined, 'digest', object('2'));
  nowMs += 9000;
  expect(writes.newest('key', undefined)).toEqual(object('2'));
  nowMs += 2000;
  expect(writes.newest('key', undefined)).toBeUndefined();
});

test('a write comes back once, and what others make of it is news', () => {
  const writes = new OwnWrites();
  expect(writes.isEcho('key', object('2'))).toBe(false);
  writes.record('key', object('1'), 'digest', object('2'));
  expect(writes.isEcho('key', object('2'))).toBe(true);
  expect(writes.isEcho('key', object('3'))).toBe(false);
  writes.forget('key');
  expect(writes.isEcho('key', object('2'))).toBe(false);
});

test('writing the same again is settled only while the object is as the write left it', () => {
  const writes = new OwnWrites();
  writes.record('key', undefined, 'digest', object('2'));
  expect(writes.isSettled('key', object('2'), 'digest')).toBe(true);
  expect(writes.isSettled('key', object('2'), 'another')).toBe(false);
  expect(writes.isSettled('key', object('3'), 'digest')).toBe(false);
});
