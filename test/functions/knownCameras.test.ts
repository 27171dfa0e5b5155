import { expect, test } from '@jest/globals';
import { PermanentError, TransientError } from '../../functions/function.ts';
import { KnownCameras } from '../../functions/knownCameras.ts';

const patienceMs = 180_000;

test('what comes of a camera that may still become known waits where it is, and passes once it is known', () => {
  const known = new KnownCameras(['a']);
  expect(() => known.waitFor('a', 0)).not.toThrow();
  expect(() => known.waitFor('b', 0)).toThrow(TransientError);
  known.replace(['a', 'b']);
  expect(() => known.waitFor('b', 1)).not.toThrow();
});

test('the end of a camera that an edit took away passes at once: it is on its way', () => {
  const known = new KnownCameras(['a', 'b']);
  known.replace(['a']);
  expect(() => known.waitFor('b', 0)).not.toThrow();
  known.replace(['a', 'c']);
  expect(() => known.waitFor('b', 0)).not.toThrow();
  expect(() => known.waitFor('d', 0)).toThrow(/camera d is not one of this worker: a, c/);
});

test('after three minutes nobody waits any more: frames are refused, ends pass', () => {
  const known = new KnownCameras(['a']);
  expect(() => known.waitFor('x', 0)).toThrow(TransientError);
  expect(() => known.waitFor('x', patienceMs - 1)).toThrow(TransientError);
  expect(() => known.waitFor('x', patienceMs)).not.toThrow();
  expect(() => known.check('x', patienceMs)).toThrow(PermanentError);
});

test('strangers fill no memory', () => {
  const known = new KnownCameras(['a']);
  for (let i = 0; i < 1000; i++) {
    expect(() => known.check(`stranger-${i}`, 0)).toThrow(i < 256 ? TransientError : PermanentError);
  }
});
