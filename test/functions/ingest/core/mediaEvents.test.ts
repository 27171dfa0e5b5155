import { expect, test } from '@jest/globals';
import { imageTypeOf } from '../../../../functions/ingest/core/imageType.ts';
import { endedEvent, frameEvent, sessionName } from '../../../../functions/ingest/core/mediaEvents.ts';

const origin = { namespace: 'site', task: 'gate', camera: 'north' };

test('a frame says whose it is, when it was taken and which one it is', () => {
  const data = { camera: 'north', sequence: 3, time: 1.5, width: 1, height: 1, pixels: new Uint8Array(3) };
  expect(frameEvent(origin, 's.3', data)).toEqual({
    id: 's.3',
    source: '/namespaces/site/multiedgeinferences/gate/ingest/north',
    type: 'io.sedna.multiedge.frame.v1',
    time: '1970-01-01T00:00:01.500Z',
    subject: 'north',
    partitionkey: 'north',
    data,
  });
});

test('the end of a stream follows its frames: same key, its own id', () => {
  const event = endedEvent(origin, 's', 2);
  expect(event).toMatchObject({ id: 's.ended', partitionkey: 'north', type: 'io.sedna.multiedge.stream.v1' });
  expect(event.data).toEqual({ camera: 'north', state: 'ended', time: 2 });
});

test('a session is named by when and what: the same again only for the same recording', () => {
  const name = sessionName(1_700_000_000_000, '/video/a.mp4');
  expect(sessionName(1_700_000_000_000, '/video/a.mp4')).toBe(name);
  expect(sessionName(1_700_000_000_001, '/video/a.mp4')).not.toBe(name);
  expect(sessionName(1_700_000_000_000, '/video/b.mp4')).not.toBe(name);
  expect(name).toMatch(/^[a-z0-9]+-[a-z0-9]+$/);
});

test.each([
  ['ffd8ffe000104a464946', 'image/jpeg'],
  ['89504e470d0a1a0a0000', 'image/png'],
  ['524946460000000057454250', 'image/webp'],
  ['524946460000000041564920', undefined],
  ['474946383961', undefined],
  ['ffd8', undefined],
  ['', undefined],
])('the first bytes %s are %s', (bytes, expected) => {
  expect(imageTypeOf(Buffer.from(bytes, 'hex'))).toBe(expected);
});
