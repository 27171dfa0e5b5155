import { describe, expect, test } from '@jest/globals';
import { Encoder } from 'cbor-x';
import { eventTypes } from '../../../config/events.ts';
import { PermanentError } from '../../../functions/function.ts';
import { fromEnvelope, sizeOf, toEnvelope } from '../../../functions/host/codec.ts';
import { frame, streamEnded, tracks } from './support.ts';
import type { IdentityChange, StageEvent, TrackletsData } from '../../../config/events.ts';
import { compactTracklets } from '../../../functions/host/compactTracklets.ts';
import type { Envelope } from '../../../delivery/binding.ts';

function tracklets(): StageEvent<TrackletsData> {
  const prototype = {
    slot: 0,
    vector: Int8Array.of(-128, 0, 127),
    scale: 0.25,
    quality: 0.5,
    time: 1.5,
    weight: 2,
  };
  const tracklet = { track: 's.1', phase: 'start', revision: 1, from: 1, to: 2.5, observations: 3 } as const;
  const path = Float32Array.of(0, 0.25, 0.5, 0.1, 0.2);
  return {
    id: 't',
    source: '/e',
    type: eventTypes.tracklets,
    data: {
      camera: 'a',
      model: 'ab'.repeat(32),
      dimensions: 3,
      image: { width: 1920, height: 1080 },
      tracklets: [{ ...tracklet, path, prototypes: [prototype] }],
    },
  };
}

const image: StageEvent = {
  id: 'i',
  source: '/c',
  type: eventTypes.image,
  subject: 'a',
  time: '2023-11-14T22:13:20.500Z',
  data: { camera: 'a', contentType: 'image/jpeg', time: 1_700_000_000.5, bytes: Uint8Array.of(255, 216, 1) },
};

/** As the bytes arrive: joined, at an address that fits no multiple of 4. */
function travel(event: StageEvent): Envelope {
  const { attributes, data } = toEnvelope(event);
  if (data.kind !== 'bytes')
    return { attributes, data: JSON.parse(JSON.stringify(data)) as Envelope['data'] };
  const joined = Buffer.concat([Buffer.alloc(1), ...data.parts]).subarray(1);
  return { attributes, data: { kind: 'bytes', parts: [joined] } };
}

/** One of each kind: a kind that is added to the type has to be added here. */
const changes: { [K in IdentityChange['kind']]: Extract<IdentityChange, { kind: K }> } = (() => {
  const [one, other] = [
    { camera: 'a', track: 's.1' },
    { camera: 'b', track: 's.2' },
  ];
  const said = { identity: 'p-1', time: 5, score: 0.5, margin: null, reason: 'it looks the same' };
  const contact = { other: 'p-2', from: 1, to: 5, exposureS: 3, distanceM: 1.2, deviationM: 0.1 };
  return {
    assigned: { kind: 'assigned', ...said, ...one, isNew: true },
    merged: { kind: 'merged', ...said, from: 'p-2' },
    split: { kind: 'split', ...said, to: 'p-2', tracks: [one] },
    sighted: { kind: 'sighted', ...said, ...one, target: 'anna' },
    contact: { kind: 'contact', identity: 'p-1', time: 5, tracks: [one, other], ...contact },
    erased: { kind: 'erased', identity: 'p-1', names: ['p-2'], tracks: [one, other], time: 5 },
  };
})();

const identities = (change: IdentityChange): StageEvent => ({
  id: change.kind,
  source: '/m',
  type: eventTypes.identities,
  data: { task: 'shop', namespace: 'default', changes: [change] },
});

describe('what arrives equals what was sent', () => {
  test.each<[string, StageEvent]>([
    ['frame', frame('a', 1, 33, 17)],
    ['a frame of more than 64 KiB', frame('a', 2, 200, 150)],
    ['tracks', tracks('a', 3, 7)],
    ['no tracks', tracks('a', 4, 0)],
    ['tracklets', tracklets()],
    ['stream', streamEnded('a')],
    ['image', image],
    ...Object.values(changes).map((change): [string, StageEvent] => [
      `${change.kind} identities`,
      identities(change),
    ]),
    ['an unknown type with JSON', { id: '1', source: '/s', type: 'x.y', data: { a: [1, null] } }],
    ['an unknown type with 0', { id: '1', source: '/s', type: 'x.y', data: 0 }],
    ['an unknown type without data', { id: '1', source: '/s', type: 'x.y', data: undefined }],
  ])('%s', (_what, event) => {
    const { datacontenttype: _kept, ...again } = fromEnvelope(travel(event)) as StageEvent & {
      datacontenttype?: string;
    };
    expect(again).toEqual(event);
  });

  test('numbers keep their exact values', () => {
    const event = tracks('a', 5, 3);
    event.data.time = 1_732_442_400.123_456_7;
    event.data.boxes.set([0.1, -0, 3.4e38, 1e-45]);
    const again = fromEnvelope(travel(event)).data as typeof event.data;
    expect(again.time).toBe(event.data.time);
    expect(Buffer.from(again.boxes.buffer, again.boxes.byteOffset, 16)).toEqual(
      Buffer.from(event.data.boxes.buffer, 0, 16),
    );
  });

  test('extensions and content types that nobody knows are passed on', () => {
    const attributes = {
      specversion: '1.0',
      id: '1',
      source: '/s',
      type: 'x.y',
      datacontenttype: 'text/x',
      ext: 5,
    };
    const envelope: Envelope = { attributes, data: { kind: 'bytes', parts: [Buffer.from('hi')] } };
    expect(toEnvelope(fromEnvelope(envelope))).toEqual({
      attributes,
      data: { kind: 'bytes', parts: [new Uint8Array(Buffer.from('hi'))] },
    });
  });

  test('pixels of a frame are not copied', () => {
    const event = frame('a', 1, 64, 64);
    const { data } = toEnvelope(event);
    expect(data.kind === 'bytes' && data.parts[1]).toBe(event.data.pixels);
  });
});

describe('data that is refused, with its place', () => {
  const cbor = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: true });
  const wire = (type: string, data: unknown) =>
    type === eventTypes.tracklets ? compactTracklets(data as TrackletsData) : data;
  const withData = (type: string, data: unknown, datacontenttype = 'application/cbor'): Envelope => ({
    attributes: { specversion: '1.0', id: '1', source: '/s', type, datacontenttype, subject: 'a' },
    data: { kind: 'bytes', parts: [data instanceof Uint8Array ? data : cbor.encode(wire(type, data))] },
  });
  const { frame: frameType, tracks: tracksType, tracklets: trackletsType, image: imageType } = eventTypes;
  const good = frame('a', 1).data;
  const row = tracks('a', 1).data;
  const message = tracklets().data;
  const first = message.tracklets[0]!;
  const prototype = first.prototypes[0]!;
  const withPrototype = (change: object) => ({
    ...message,
    tracklets: [{ ...first, prototypes: [{ ...prototype, ...change }] }],
  });

  test.each<[string, Envelope, RegExp]>([
    [
      'too few pixels',
      withData(frameType, { ...good, width: 5 }),
      /^data\.pixels: has 24 elements instead of 30/,
    ],
    ['a huge size', withData(frameType, { ...good, width: 1e6 }), /^data\.width: must be between 1 and 8192/],
    [
      'a fraction as size',
      withData(frameType, { ...good, width: 1.5 }),
      /^data\.width: must be a whole number/,
    ],
    [
      'an endless time',
      withData(frameType, { ...good, time: Infinity }),
      /^data\.time: must be a finite number/,
    ],
    ['no camera', withData(frameType, { ...good, camera: '' }), /^data\.camera/],
    [
      'pixels as a list',
      withData(frameType, { ...good, pixels: [1, 2] }),
      /^data\.pixels: must be a Uint8Array/,
    ],
    ['a list', withData(frameType, []), /^data: must be an object/],
    [
      'boxes of another length',
      withData(tracksType, { ...row, boxes: new Float32Array(3) }),
      /^data\.boxes: has 3/,
    ],
    [
      'boxes of another type',
      withData(tracksType, { ...row, boxes: new Uint32Array(8) }),
      /^data\.boxes: must be a Float32Array/,
    ],
    [
      'NaN in a box',
      withData(tracksType, { ...row, boxes: new Float32Array(8).fill(NaN) }),
      /^data\.boxes\[0\]: must be/,
    ],
    [
      'too many tracks',
      withData(tracksType, { ...row, ids: new Uint32Array(10_001) }),
      /^data\.ids: has 10001/,
    ],
    [
      'a crop without pixels',
      withData(tracksType, { ...row, crops: [{ ...row.crops[0], pixels: new Uint8Array(3) }] }),
      /^data\.crops\[0\]\.pixels: has 3/,
    ],
    [
      'a vector of another length',
      withData(trackletsType, withPrototype({ vector: new Int8Array(2) })),
      /^data\.tracklets\[0\]\.prototypes\[0\]\.vector: has 2/,
    ],
    ['slot 8', withData(trackletsType, withPrototype({ slot: 8 })), /slot: must be between 0 and 7/],
    [
      'half a path point',
      withData(trackletsType, { ...message, tracklets: [{ ...first, path: new Float32Array(4) }] }),
      /path: has 4/,
    ],
    [
      'an unknown phase',
      withData(trackletsType, { ...message, tracklets: [{ ...first, phase: 'x' }] }),
      /phase: must be one of/,
    ],
    [
      'a column too few',
      withData(trackletsType, cbor.encode({ ...compactTracklets(message), rows: [['s.1', 'start']] })),
      /^data\.rows\[0\]: has 2 columns, must be track, phase/,
    ],
    [
      'tracklets with field names',
      withData(trackletsType, cbor.encode(message)),
      /^data\.image: must be a list/,
    ],
    [
      'JSON instead of CBOR',
      withData(frameType, Buffer.from('{}'), 'application/json'),
      /^data: must be application\/cbor/,
    ],
    ['no CBOR', withData(frameType, Buffer.of(0xff, 0xff)), /^data: is not valid CBOR/],
    [
      'a list that claims to be long',
      withData(frameType, Buffer.of(0x9a, 0xff, 0xff, 0xff, 0xff)),
      /^data: is not valid CBOR/,
    ],
    ['cut CBOR', withData(frameType, cbor.encode(good).subarray(0, 40)), /^data: is not valid CBOR/],
    ['nested too deeply', withData(tracksType, Buffer.alloc(200_000, 0x81)), /^data: is not valid CBOR/],
    [
      'an SVG',
      withData(imageType, Buffer.from('<svg/>'), 'image/svg+xml'),
      /^datacontenttype: must be one of image\/jpeg/,
    ],
    [
      'an empty image',
      { ...withData(imageType, Buffer.of(1), 'image/png'), data: { kind: 'none' } },
      /^data: must be a Uint8Array/,
    ],
    [
      'a bad stream state',
      withData(eventTypes.stream, Buffer.from('{"camera":"a","state":"x","time":1}'), 'application/json'),
      /^data\.state/,
    ],
    [
      'an unfinished JSON',
      withData(eventTypes.report, Buffer.from('{'), 'application/json'),
      /^data: is not valid JSON/,
    ],
    [
      'a report without cameras',
      withData(
        eventTypes.report,
        Buffer.from(
          '{"task":"t","namespace":"n","node":"n","worker":"w","stage":"s","sequence":1,"time":1,"phase":"Running"}',
        ),
        'application/json',
      ),
      /^data\.cameras: must be a list/,
    ],
    [
      'an unknown change',
      withData(
        eventTypes.identities,
        Buffer.from('{"task":"t","namespace":"n","changes":[{"kind":"x"}]}'),
        'application/json',
      ),
      /^data\.changes\[0\]\.kind/,
    ],
    [
      'an erasure without tracks',
      withData(
        eventTypes.identities,
        Buffer.from(
          '{"task":"t","namespace":"n","changes":[{"kind":"erased","identity":"a","names":[],"time":1}]}',
        ),
        'application/json',
      ),
      /^data\.changes\[0\]\.tracks: must be a list/,
    ],
    [
      'a contact of one person',
      withData(
        eventTypes.identities,
        Buffer.from(
          '{"task":"t","namespace":"n","changes":[{"kind":"contact","identity":"a","other":"b","time":1,"tracks":[]}]}',
        ),
        'application/json',
      ),
      /^data\.changes\[0\]\.tracks: must be two tracks/,
    ],
  ])('%s', (_what, envelope, expected) => {
    let thrown: unknown;
    try {
      fromEnvelope(envelope);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PermanentError);
    expect((thrown as Error).message).toMatch(expected);
  });

  test('keys of the prototype do not reach it', () => {
    const forged = cbor.encode(new Map([['__proto__', { polluted: true }]]));
    expect(() => fromEnvelope(withData(frameType, forged))).toThrow(PermanentError);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test('the size of an event counts its arrays', () => {
  expect(sizeOf(frame('a', 1, 100, 100))).toBeGreaterThan(30_000);
  expect(sizeOf(frame('a', 1, 100, 100))).toBeLessThan(33_000);
  expect(sizeOf(tracks('a', 1))).toBeLessThan(2000);
});
