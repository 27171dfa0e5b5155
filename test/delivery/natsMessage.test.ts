// Names and messages of JetStream: what goes out and comes in, also from others that speak the same binding.
import { expect, test } from '@jest/globals';
import { BindingError } from '../../delivery/attributes.ts';
import { binaryMessage, type Envelope } from '../../delivery/binding.ts';
import { envelopeOf, identityOf, natsMessage } from '../../delivery/jetstream/message.ts';
import {
  deadSubjectOf,
  filterOf,
  intakeOf,
  streamNames,
  subjectOf,
  termIn,
  tokenOf,
} from '../../delivery/jetstream/names.ts';

const envelope: Envelope = {
  attributes: {
    specversion: '1.0',
    id: 'a 1',
    source: '/namespaces/shop/x',
    type: 'io.sedna.multiedge.tracklets.v1',
    partitionkey: 'Tür 1.b',
    datacontenttype: 'application/json; charset=utf-8',
  },
  data: { kind: 'bytes', parts: [Buffer.from('{}')] },
};

test('an event goes out and comes in as the same event', () => {
  const message = binaryMessage(envelope);
  const { headers, payload } = natsMessage(message);
  expect(headers).toMatchObject({
    'ce-datacontenttype': 'application/json;%20charset=utf-8',
    'ce-partitionkey': 'T%C3%BCr%201.b',
  });
  expect(headers).not.toHaveProperty('content-type');
  expect(envelopeOf(new Map(Object.entries(headers)), payload)).toEqual(envelope);
  expect(identityOf(message).id).toBe('/namespaces/shop/x a%201');
});

test.each([
  'application/cloudevents',
  'application/cloudevents+json; charset=utf-8',
  'Application/CloudEvents+JSON',
])('a structured event of %s comes in', (type) => {
  const { source, id, type: of } = envelope.attributes;
  const body = Buffer.from(JSON.stringify({ specversion: '1.0', source, id, type: of, data: { a: 1 } }));
  expect(envelopeOf(new Map([['Content-Type', type]]), body)).toEqual({
    attributes: { specversion: '1.0', source, id, type: of },
    data: { kind: 'value', value: { a: 1 } },
  });
});

test.each([
  ['no attributes', new Map<string, string>(), ''],
  [
    'a missing id',
    new Map([
      ['ce-specversion', '1.0'],
      ['ce-source', '/a'],
      ['ce-type', 't'],
    ]),
    '',
  ],
  ['a batch', new Map([['content-type', 'application/cloudevents-batch+json']]), '[]'],
  ['a broken event', new Map([['content-type', 'application/cloudevents']]), '{'],
])('%s is refused', (_what, headers, body) => {
  expect(() => envelopeOf(headers, Buffer.from(body))).toThrow(BindingError);
});

test.each([
  ['gate-2', 'gate-2'],
  ['a.b', 'a=2Eb'],
  ['*', '=2A'],
  ['>', '=3E'],
  ['a b', 'a=20b'],
  ['ü', '=C3=BC'],
  ['a=2Eb', 'a=3D2Eb'],
  ['', '='],
])('the token of %j is %s', (text, token) => {
  expect(tokenOf(text)).toBe(token);
});

test('long keys stay apart', () => {
  const [one, other] = ['x', 'y'].map((end) => tokenOf(`${'k'.repeat(300)}${end}`));
  expect(one).toHaveLength(113);
  expect(one).not.toBe(other);
});

test('sites, receivers and dead letters have subjects of their own', () => {
  const place = streamNames('shop', 'q.2', '12345678-9');
  expect(place).toEqual({ stream: 'mei-shop-q=2E2-12345678', subjects: 'mei.shop.q=2E2.12345678' });
  const leaf = { ...place, domain: 'edge_1' };
  const subject = subjectOf(leaf, 'q-match', envelope.attributes['type'] as string, 'left');
  expect(subject).toBe('mei.shop.q=2E2.12345678.leaf-edge_1.q-match.tracklets.left');
  expect(intakeOf(leaf)).toBe('mei.shop.q=2E2.12345678.leaf-edge_1.>');
  expect(intakeOf(place)).toBe('mei.shop.q=2E2.12345678.hub.>');
  expect(filterOf(place, 'q-match')).toBe('mei.shop.q=2E2.12345678.*.q-match.>');
  expect(deadSubjectOf(place, subject)).toBe('mei.shop.q=2E2.12345678.hub.dead.q-match.tracklets.left');
});

test('a consumer is known by its receiver', () => {
  expect(termIn('q-match', 'q-match-12')).toBe(12);
  expect(termIn('q-match', 'q-match2-12')).toBeUndefined();
  expect(termIn('q-match', 'q-match-x')).toBeUndefined();
});
