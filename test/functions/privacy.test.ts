// Decodes every byte that crosses from edge to cloud and accounts for it: nothing in it is, or could hold, a picture.
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { eventTypes, type StageEvent, type TrackletsData } from '../../config/events.ts';
import { toEnvelope } from '../../functions/host/codec.ts';
import { openVideo } from '../../functions/media/video.ts';
import type { Arrival, Crossing } from '../support/cloud.ts';
import { crossingsOf, sampleTask } from '../support/edge.ts';

const headersAllowed =
  /^(host|connection|authorization|content-type|content-length|content-encoding|ce-[a-z]+)$/;
const attributesAllowed =
  /^(specversion|id|source|type|time|subject|partitionkey|datacontenttype|data|data_base64)$/;
const typesAllowed: string[] = [eventTypes.tracklets, eventTypes.stream, eventTypes.report];
const longestText = 300;
/** One a run: had each event another one, they could carry something. */
const tokensSeen = new Set<string>();

/** Names of all fields that a tracklets event may have. */
const fieldsAllowed = new Set(
  (
    'camera model dimensions image width height tracklets track phase revision from to observations path prototypes ' +
    'slot vector scale quality time weight'
  ).split(' '),
);

function accountFor({ arrival, body, event }: Crossing): void {
  accountForRequest(arrival);
  if (!typesAllowed.includes(event.type)) throw new Error(`${event.type} must not cross`);
  if (event.type === eventTypes.tracklets) accountForTracklets(event as StageEvent<TrackletsData>, body);
  else accountForTexts(JSON.parse(body.toString()) as unknown);
}

function accountForRequest({ rawHeaders, headers, body, content }: Arrival): void {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!headersAllowed.test(rawHeaders[i]!.toLowerCase()))
      throw new Error(`header ${rawHeaders[i]} is not expected`);
    if (/^authorization$/i.test(rawHeaders[i]!)) tokensSeen.add(rawHeaders[i + 1]!);
    if (rawHeaders[i + 1]!.length > longestText)
      throw new Error(`header ${rawHeaders[i]} is long enough for pixels`);
  }
  if (!/batch/.test(headers['content-type'] ?? '')) return;
  // Compressed again it is the same: nothing hides beside the events of a batch, or between them.
  if (!gzipSync(content, { level: 1 }).equals(body))
    throw new Error('compressed bytes that nobody accounts for');
  const events = JSON.parse(content.toString()) as Record<string, unknown>[];
  if (JSON.stringify(events) !== content.toString()) throw new Error('bytes between the events of a batch');
  for (const { data: _data, data_base64: _bytes, ...attributes } of events) {
    const strange = Object.keys(attributes).find((name) => !attributesAllowed.test(name));
    if (strange !== undefined) throw new Error(`attribute ${strange} is not expected`);
    accountForTexts(attributes);
  }
}

function accountForTracklets(event: StageEvent<TrackletsData>, body: Buffer): void {
  const { data } = event;
  checkFields(data);
  accountForTexts(data);
  for (const { path, prototypes } of data.tracklets) {
    // A summary of at most 10 s with a point a second, and at most four looks: no room for a picture.
    if (path.length > 5 * 12) throw new Error(`a path of ${path.length} numbers`);
    if (prototypes.length > 4) throw new Error(`${prototypes.length} prototypes`);
    for (const { vector } of prototypes) {
      if (!(vector instanceof Int8Array) || vector.length !== data.dimensions)
        throw new Error('a vector of odd length');
    }
  }
  // What was decoded is all there is: encoded again it gives the very same bytes.
  const again = toEnvelope(event).data;
  if (again.kind !== 'bytes' || !Buffer.concat(again.parts).equals(body))
    throw new Error('bytes that nobody accounts for');
}

function checkFields(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, part] of Object.entries(value)) {
    if (!Array.isArray(value) && !fieldsAllowed.has(name)) throw new Error(`field ${name} is not expected`);
    checkFields(part);
  }
}

function accountForTexts(value: unknown): void {
  if (typeof value === 'string' && value.length > longestText)
    throw new Error('a text long enough for pixels');
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(accountForTexts);
  }
}

/** Runs of pixels of the cameras' own pictures that are not just one colour. */
async function pixelRuns(path: string, runs: number): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const { pixels, width, height, index } of await openVideo(path, { fps: 1 })) {
    const row = Math.floor(height * (0.3 + 0.4 * ((index * 0.37) % 1)));
    for (let x = 0; x + 8 < width; x += 8) {
      const run = Buffer.from(pixels.subarray((row * width + x) * 3, (row * width + x + 8) * 3));
      if (new Set(run).size > 8) found.push(run);
    }
    if (found.length >= runs) break;
  }
  return found;
}

test.each(['PerNode', 'PerStage'])(
  '%s: no pixel leaves the node',
  async (packing) => {
    const crossings = await crossingsOf(sampleTask({ packing }));
    const tracklets = crossings.filter(({ event }) => event.type === eventTypes.tracklets);
    expect(tracklets.length).toBeGreaterThan(5);
    tokensSeen.clear();
    crossings.forEach(accountFor);
    expect(tokensSeen.size).toBeLessThanOrEqual(1);
    const everything = Buffer.concat(
      crossings.flatMap(({ body, arrival }) => [body, Buffer.from(arrival.rawHeaders.join())]),
    );
    const runs = await pixelRuns('samples/left.mp4', 500);
    expect(runs.length).toBeGreaterThan(300);
    expect(runs.filter((run) => everything.includes(run))).toHaveLength(0);
  },
  300_000,
);

test('the check sees crops that a task allows to leave, so it would see them in any other', async () => {
  const crossings = await crossingsOf(
    sampleTask({ privacy: { egress: 'CropsAllowed' }, stages: { embed: { placement: 'Cloud' } } }),
  );
  expect(() => crossings.forEach(accountFor)).toThrow(/tracks.* must not cross/);
}, 300_000);

const honest: TrackletsData = {
  camera: 'left',
  model: 'a'.repeat(64),
  dimensions: 4,
  image: { width: 64, height: 64 },
  tracklets: [
    {
      track: 's.1',
      phase: 'start',
      revision: 1,
      from: 0,
      to: 1,
      observations: 3,
      path: new Float32Array(5),
      prototypes: [{ slot: 0, vector: new Int8Array(4), scale: 0.1, quality: 1, time: 0, weight: 1 }],
    },
  ],
};

function crossingOf(data: object, rawHeaders: string[] = []): Crossing {
  const event = { id: '1', source: '/a', type: eventTypes.tracklets, data } as StageEvent;
  const envelope = toEnvelope(event).data;
  const body = envelope.kind === 'bytes' ? Buffer.concat(envelope.parts) : Buffer.alloc(0);
  return {
    atMs: 0,
    arrival: { method: 'POST', path: '/', headers: {}, rawHeaders, body, content: body },
    body,
    event,
  };
}

const pixels = new Uint8Array(3 * 32 * 32);

test.each<[string, Crossing]>([
  ['a field more', crossingOf({ ...honest, crops: [pixels] })],
  [
    'a longer path',
    crossingOf({ ...honest, tracklets: [{ ...honest.tracklets[0], path: new Float32Array(pixels) }] }),
  ],
  ['a text', crossingOf({ ...honest, model: Buffer.from(pixels).toString('base64') })],
  ['a header', crossingOf(honest, ['ce-thumbnail', Buffer.from(pixels).toString('base64')])],
  ['bytes after the data', { ...crossingOf(honest), body: Buffer.concat([crossingOf(honest).body, pixels]) }],
])('pixels hidden in %s are found', (_where, crossing) => {
  expect(() => accountFor(crossingOf(honest))).not.toThrow();
  expect(() => accountFor(crossing)).toThrow();
});
