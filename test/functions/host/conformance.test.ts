// The HTTP protocol binding of CloudEvents 1.0, case by case, over real HTTP: what a worker takes, and what its stage then gets.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import type { StageEvent } from '../../../config/events.ts';
import type { Worker } from '../../../functions/host/worker.ts';
import { cleanUp, start } from './support.ts';

let worker: Worker & { url: string };
let got: StageEvent[] = [];
beforeAll(async () => {
  const stage = { handle: async (event: StageEvent) => void got.push(event) };
  worker = await start({ status: stage });
});
afterAll(cleanUp);

type Answer = { status: number; events: StageEvent[] };

async function send(headers: Record<string, string>, body?: string | Uint8Array): Promise<Answer> {
  got = [];
  const answer = await fetch(worker.url, { method: 'POST', headers, ...(body !== undefined && { body }) });
  await answer.text();
  return { status: answer.status, events: got };
}

// The status stage acknowledges what is handled, so that nothing has to be waited for.
const type = eventTypes.identities;
const data = { task: 't', namespace: 'n', changes: [] };
const json = JSON.stringify(data);
let count = 0;
const attributes = () => ({ specversion: '1.0', id: `c-${++count}`, source: '/conformance', type });
const binary = (more: Record<string, string> = {}) => ({
  ...Object.fromEntries(Object.entries(attributes()).map(([name, value]) => [`ce-${name}`, value])),
  'content-type': 'application/json',
  ...more,
});
const structured = { 'content-type': 'application/cloudevents+json' };
const batch = { 'content-type': 'application/cloudevents-batch+json' };

test.each<[string, string, Record<string, string>, Partial<StageEvent> & Record<string, unknown>]>([
  ['3.1', 'required attributes are enough', {}, {}],
  ['3.1.3.1', 'header names are the same in any case', { 'CE-Subject': 'a' }, { subject: 'a' }],
  [
    '3.1.3.2',
    'percent-encoded values are decoded',
    { 'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80' },
    { subject: 'Euro € 😀' },
  ],
  ['3.1.3.2', 'only once', { 'ce-subject': '%2541' }, { subject: '%41' }],
  ['3.1.3.2', 'lower-case digits too', { 'ce-subject': '%e2%82%ac' }, { subject: '€' }],
  ['3.1.3.2', 'what is no encoding stays', { 'ce-subject': '100% sure' }, { subject: '100% sure' }],
  ['3.1.3.2', 'quoted values lose their quotes', { 'ce-subject': '"a \\"b\\""' }, { subject: 'a "b"' }],
  [
    '3.1.3.1',
    'extensions are kept as texts',
    { 'ce-sequence': '7', 'ce-myext': 'true' },
    { sequence: '7', myext: 'true' },
  ],
  [
    '3.1.1',
    'a time with an offset',
    { 'ce-time': '2026-01-01T01:00:00.5+01:00' },
    { time: '2026-01-01T01:00:00.5+01:00' },
  ],
  ['3.1.1', 'content type with parameters', { 'content-type': 'application/json; charset=utf-8' }, {}],
  [
    '3.1',
    'a dataschema',
    { 'ce-dataschema': 'https://example.com/s.json' },
    { dataschema: 'https://example.com/s.json' },
  ],
  [
    '3',
    'headers of others are no attributes',
    { 'x-other': '1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    {},
  ],
])('binary, section %s: %s', async (_section, _what, headers, expected) => {
  const { status, events } = await send(binary(headers), json);
  expect(status).toBe(202);
  expect(events).toEqual([expect.objectContaining({ source: '/conformance', type, data, ...expected })]);
  expect(Object.keys(events[0]!)).not.toContain('xother');
});

test.each<[string, string, Record<string, string>]>([
  ['application/cloudevents+json', 'the plain media type', {}],
  ['application/cloudevents+json; charset=UTF-8', 'a charset', {}],
  ['Application/CloudEvents+JSON', 'another case', {}],
  ['application/cloudevents+json;charset="utf-8"', 'a quoted charset', {}],
  [
    'application/cloudevents+json',
    'ce- headers beside it do not count',
    { 'ce-id': 'other', 'ce-subject': 'other' },
  ],
])('structured as %s: %s', async (contentType, _what, headers) => {
  const event = { ...attributes(), time: '2026-01-01T00:00:00Z', datacontenttype: 'application/json', data };
  const { status, events } = await send({ 'content-type': contentType, ...headers }, JSON.stringify(event));
  expect(status).toBe(202);
  const { specversion: _1, datacontenttype: _2, ...rest } = event;
  expect(events).toEqual([rest]);
});

test('structured: data_base64 is the same data', async () => {
  const event = {
    ...attributes(),
    datacontenttype: 'application/json',
    data_base64: Buffer.from(json).toString('base64'),
  };
  const { status, events } = await send(structured, JSON.stringify(event));
  expect([status, events[0]?.data]).toEqual([202, data]);
});

test('batch: events in their order, and an empty one', async () => {
  const events = [attributes(), attributes(), attributes()].map((each) => ({
    ...each,
    partitionkey: 'one',
    data,
  }));
  const answer = await send(batch, JSON.stringify(events));
  expect([answer.status, answer.events.map(({ id }) => id)]).toEqual([202, events.map(({ id }) => id)]);
  expect(await send(batch, '[]')).toEqual({ status: 202, events: [] });
});

const without = (name: string) =>
  Object.fromEntries(Object.entries(binary()).filter(([each]) => each !== name));
const body = (change: object) => JSON.stringify({ ...attributes(), data, ...change });

test.each<[string, Record<string, string>, string | Uint8Array, number]>([
  ['binary without id', without('ce-id'), json, 400],
  ['binary without source', without('ce-source'), json, 400],
  ['binary without type', without('ce-type'), json, 400],
  ['binary without specversion', without('ce-specversion'), json, 400],
  ['binary with an empty id', binary({ 'ce-id': '' }), json, 400],
  ['another specversion', binary({ 'ce-specversion': '0.2' }), json, 400],
  ['a source that is no URI reference', binary({ 'ce-source': 'a b' }), json, 400],
  ['a time that is none', binary({ 'ce-time': 'now' }), json, 400],
  ['an attribute name with a dash', binary({ 'ce-my-ext': 'x' }), json, 400],
  ['ce-datacontenttype', binary({ 'ce-datacontenttype': 'text/plain' }), json, 400],
  ['a control character', binary({ 'ce-subject': 'a%00b' }), json, 400],
  ['half a character', structured, body({ subject: '\ud800' }), 400],
  ['structured without id', structured, body({ id: undefined }), 400],
  ['structured with a number as id', structured, body({ id: 5 }), 400],
  ['structured with an object as extension', structured, body({ extension: {} }), 400],
  ['structured with both kinds of data', structured, body({ data_base64: 'AAAA' }), 400],
  ['structured with base64 that is none', structured, body({ data: undefined, data_base64: '*' }), 400],
  ['structured that is no JSON', structured, '{"specversion"', 400],
  ['structured that is a list', structured, '[]', 400],
  ['structured that is not UTF-8', structured, Uint8Array.of(0x22, 0xff, 0x22), 400],
  ['a batch that is no list', batch, body({}), 400],
  ['a batch with one bad event', batch, `[${body({})}, ${body({ id: '' })}]`, 400],
  ['an unknown event format', { 'content-type': 'application/cloudevents+xml' }, '<a/>', 415],
  ['an unknown batch format', { 'content-type': 'application/cloudevents-batch+xml' }, '<a/>', 415],
  ['another charset', { 'content-type': 'application/cloudevents+json; charset=utf-16' }, '{}', 415],
  ['no event at all', { 'content-type': 'application/json' }, json, 400],
  ['data that its type does not have', binary(), '{"task": 5}', 422],
  ['data that is no JSON', binary(), '{', 422],
  ['a type that nobody takes', binary({ 'ce-type': 'com.example.other' }), json, 422],
  ['a type that objects have as a method', binary({ 'ce-type': 'constructor' }), json, 422],
])('refused: %s', async (_what, headers, text, status) => {
  expect(await send(headers, text)).toEqual({ status, events: [] });
});

const deep = (open: string, times: number) => open.repeat(times);

test.each<[string, Record<string, string>, string | Uint8Array]>([
  [
    'JSON nested without end',
    structured,
    `${JSON.stringify(attributes()).slice(0, -1)},"data":${deep('[', 200_000)}`,
  ],
  [
    'JSON nested and closed',
    structured,
    `${JSON.stringify(attributes()).slice(0, -1)},"data":${deep('[', 100_000)}${deep(']', 100_000)}}`,
  ],
  [
    'CBOR nested without end',
    { ...binary({ 'ce-type': eventTypes.tracklets }), 'content-type': 'application/cbor' },
    new Uint8Array(500_000).fill(0x81),
  ],
  [
    'CBOR that claims a huge list',
    { ...binary({ 'ce-type': eventTypes.tracklets }), 'content-type': 'application/cbor' },
    Uint8Array.of(0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff),
  ],
  [
    'CBOR that claims huge bytes',
    { ...binary({ 'ce-type': eventTypes.tracklets }), 'content-type': 'application/cbor' },
    Uint8Array.of(0x5b, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  ],
  [
    'a forged prototype',
    structured,
    `{"__proto__":{"polluted":1},${JSON.stringify({ ...attributes(), data }).slice(1)}`,
  ],
  [
    'a forged prototype in the data',
    structured,
    body({
      data: JSON.parse('{"task":"t","namespace":"n","changes":[{"__proto__":{"polluted":1}}]}') as object,
    }),
  ],
])('%s is refused and changes nothing', async (_what, headers, text) => {
  const { status, events } = await send(headers, text);
  expect([400, 422]).toContain(status);
  expect(events).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect((await fetch(`${worker.url}readyz`)).status).toBe(200);
});
