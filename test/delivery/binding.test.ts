import { describe, expect, test } from '@jest/globals';
import { batchMessage, binaryMessage, parse, structuredMessage } from '../../delivery/binding.ts';
import type { BindingError } from '../../delivery/attributes.ts';
import type { Envelope } from '../../delivery/binding.ts';

const required = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const event = { specversion: '1.0', id: '1', source: '/s', type: 't' };
const structured = { 'content-type': 'application/cloudevents+json' };
const batched = { 'content-type': 'application/cloudevents-batch+json' };
const bytes = (text: string) => Buffer.from(text);
const read = (headers: Record<string, string>, body = '', batch = true) =>
  parse(headers, bytes(body), { batch });
const readOne = (headers: Record<string, string>, body = '') => read(headers, body)[0]!;
const content = ({ data }: Envelope) => (data.kind === 'bytes' ? Buffer.concat(data.parts).toString() : data);

describe('binary mode', () => {
  test('attributes come from ce- headers, in any order, data as it is', () => {
    const headers = {
      ...required,
      'ce-time': '2018-04-05T03:56:24Z',
      'content-type': 'application/json',
      host: 'x',
    };
    expect(readOne(headers, '{"a":1}').attributes).toEqual({
      ...event,
      time: '2018-04-05T03:56:24Z',
      datacontenttype: 'application/json',
    });
    expect(content(readOne(headers, '{"a":1}'))).toBe('{"a":1}');
  });

  test('nothing is made up', () => {
    expect(readOne(required)).toEqual({ attributes: event, data: { kind: 'none' } });
  });

  test.each([
    ['space and quotes', 'Euro%20%E2%82%AC%20%F0%9F%98%80', 'Euro € 😀'],
    ['a stray percent sign', '100% sure', '100% sure'],
    ['a percent sign before other letters', '%zz%41', '%zz%41'],
    ['bytes that are not UTF-8', '%ff', '%ff'],
    ['lower-case digits', '%e2%82%ac', '€'],
    ['one round only', '%2541', '%41'],
    ['double quotes', '"a \\"b\\" c"', 'a "b" c'],
  ])('header values are decoded: %s', (_what, sent, expected) => {
    expect(readOne({ ...required, 'ce-subject': sent }).attributes.subject).toBe(expected);
  });

  test.each(['ce-id', 'ce-source', 'ce-type', 'ce-specversion'])('%s missing or empty', (name) => {
    const { [name]: _removed, ...rest } = required as Record<string, string>;
    expect(statusOf(() => read(rest))).toBe(400);
    expect(statusOf(() => read({ ...required, [name]: '' }))).toBe(400);
  });

  test.each<[string, Record<string, string>]>([
    ['another version', { 'ce-specversion': '0.3' }],
    ['a future version', { 'ce-specversion': '2.0' }],
    ['a source that is no URI reference', { 'ce-source': 'a b' }],
    ['a time without zone', { 'ce-time': '2018-04-05T03:56:24' }],
    ['a time that is none', { 'ce-time': 'yesterday' }],
    ['a day that is none', { 'ce-time': '2018-02-31T03:56:24Z' }],
    ['an attribute name with a dash', { 'ce-my-name': 'x' }],
    ['an attribute name with an underscore', { 'ce-my_name': 'x' }],
    ['an empty subject', { 'ce-subject': '' }],
    ['a control character', { 'ce-subject': 'a%0Ab' }],
    ['an attribute of 5000 characters', { 'ce-subject': 'a'.repeat(5000) }],
    ['datacontenttype as attribute', { 'ce-datacontenttype': 'text/plain' }],
    ['data as attribute', { 'ce-data': 'x' }],
    ['a content type that is none', { 'content-type': 'json' }],
    ['a schema that is no URI', { 'ce-dataschema': 'no uri' }],
    ['seventy attributes', Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`ce-x${i}`, 'y']))],
  ])('400: %s', (_what, headers) => {
    expect(statusOf(() => read({ ...required, ...headers }))).toBe(400);
  });

  test('a plain request is no event', () => {
    expect(statusOf(() => read({ 'content-type': 'application/json' }, '{}'))).toBe(400);
  });
});

describe('structured mode', () => {
  test.each([
    'application/cloudevents+json',
    'application/cloudevents+json; charset=utf-8',
    'application/cloudevents+json;charset=UTF-8',
    ' Application/CloudEvents+JSON ; charset="Utf-8"',
    'application/cloudevents+json; charset=us-ascii',
    'application/cloudevents+json; profile=x',
  ])('content type %p', (type) => {
    expect(readOne({ 'content-type': type }, JSON.stringify(event)).attributes).toEqual(event);
  });

  test.each([0, false, '', null, 1.5, 'text', [], {}, { a: [null] }])('data %p is kept', (data) => {
    const body = JSON.stringify({ ...event, data });
    expect(readOne(structured, body).data).toEqual({ kind: 'value', value: data });
  });

  test('data_base64 becomes bytes', () => {
    const body = JSON.stringify({ ...event, datacontenttype: 'text/plain', data_base64: 'AAH/' });
    expect(readOne(structured, body).data).toEqual({ kind: 'bytes', parts: [Buffer.of(0, 1, 255)] });
  });

  test('extensions keep their types, null means absent', () => {
    const body = JSON.stringify({ ...event, number: 5, flag: false, nothing: null, subject: null });
    expect(readOne(structured, body).attributes).toEqual({ ...event, number: 5, flag: false });
  });

  test('a prefix that other languages use is accepted: byte order mark', () => {
    expect(readOne(structured, `\uFEFF${JSON.stringify(event)}`).attributes).toEqual(event);
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['no id', JSON.stringify({ ...event, id: undefined })],
    ['an empty id', JSON.stringify({ ...event, id: '' })],
    ['a number as id', JSON.stringify({ ...event, id: 1 })],
    ['a number as time', JSON.stringify({ ...event, time: 1 })],
    ['an object as attribute', JSON.stringify({ ...event, ext: {} })],
    ['a fraction as attribute', JSON.stringify({ ...event, ext: 1.5 })],
    ['a capital in a name', JSON.stringify({ ...event, Ext: 'x' })],
    ['a forged prototype', '{"specversion":"1.0","id":"1","source":"/s","type":"t","__proto__":{"a":1}}'],
    ['both kinds of data', JSON.stringify({ ...event, data: 1, data_base64: 'AA==' })],
    ['data_base64 that is none', JSON.stringify({ ...event, data_base64: '%%%=' })],
    ['data_base64 that is a number', JSON.stringify({ ...event, data_base64: 5 })],
  ])('400: %s', (_what, body) => {
    expect(statusOf(() => read(structured, body))).toBe(400);
  });

  test('400: bytes that are not UTF-8', () => {
    expect(statusOf(() => parse(structured, Buffer.from([0x22, 0xff, 0x22]), { batch: true }))).toBe(400);
  });

  test.each([
    'application/cloudevents+xml',
    'application/cloudevents+json; charset=utf-16',
    'application/cloudevents+avro',
    'application/cloudevents',
    'application/cloudevents-batch+xml',
  ])('415: %s', (type) => {
    expect(statusOf(() => read({ ...required, 'content-type': type }, JSON.stringify(event)))).toBe(415);
  });
});

describe('batches', () => {
  test('all events in their order', () => {
    const body = JSON.stringify([event, { ...event, id: '2', data: 0 }]);
    expect(read(batched, body).map(({ attributes }) => attributes.id)).toEqual(['1', '2']);
    expect(read(batched, '[]')).toEqual([]);
  });

  test('415 where they are not wanted', () => {
    expect(statusOf(() => read(batched, '[]', false))).toBe(415);
  });

  test('one bad event refuses all, and is named', () => {
    const body = JSON.stringify([event, { ...event, id: '' }]);
    expect(() => read(batched, body)).toThrow('event 1 of the batch: attribute id: is missing or empty');
    expect(statusOf(() => read(batched, JSON.stringify(event)))).toBe(400);
  });

  test('413 beyond a thousand', () => {
    expect(statusOf(() => read(batched, JSON.stringify(Array(1001).fill(event))))).toBe(413);
  });
});

describe('written messages are read back', () => {
  const strange = { ...event, subject: 'Straße "7" 100%, 日本 😀', count: '5', partitionkey: 'a b' };

  test('binary', () => {
    const data = { kind: 'bytes' as const, parts: [Buffer.of(1), Buffer.of(2, 255)] };
    const message = binaryMessage({ attributes: { ...strange, datacontenttype: 'application/x' }, data });
    for (const value of Object.values(message.headers)) expect(value).toMatch(/^[ -~]*$/);
    const [again] = parse(message.headers, Buffer.concat(message.parts), { batch: false });
    expect(again!.attributes).toEqual({ ...strange, datacontenttype: 'application/x' });
    expect(again!.data).toEqual({ kind: 'bytes', parts: [Buffer.of(1, 2, 255)] });
  });

  test('structured and batch', () => {
    const envelope: Envelope = { attributes: strange, data: { kind: 'value', value: { a: '€' } } };
    const one = structuredMessage(envelope);
    expect(parse(one.headers, Buffer.concat(one.parts), { batch: false })).toEqual([envelope]);
    const two = batchMessage([envelope, { attributes: event, data: { kind: 'none' } }]);
    expect(parse(two.headers, Buffer.concat(two.parts), { batch: true })).toEqual([
      envelope,
      { attributes: event, data: { kind: 'none' } },
    ]);
  });

  test('half a character is refused: it would arrive as another one', () => {
    const attributes = { ...event, subject: 'a\ud800' };
    expect(() => binaryMessage({ attributes, data: { kind: 'none' } })).toThrow(/subject: contains half/);
    expect(statusOf(() => read(structured, JSON.stringify(attributes)))).toBe(400);
  });

  test('text data is not put into quotes', () => {
    const attributes = { ...event, datacontenttype: 'text/plain' };
    expect(String(binaryMessage({ attributes, data: { kind: 'value', value: 'hi' } }).parts[0])).toBe('hi');
  });

  test('an event that is not valid is refused before it is sent', () => {
    expect(() => binaryMessage({ attributes: { ...event, source: '' }, data: { kind: 'none' } })).toThrow(
      /source/,
    );
  });
});

function statusOf(read: () => unknown): number | undefined {
  try {
    read();
  } catch (error) {
    return (error as BindingError).status;
  }
  return undefined;
}
