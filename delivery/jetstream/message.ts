// CloudEvents in NATS messages, as version 1.0.3 of the NATS binding says: attributes in `ce-` headers, the data as it is. HTTP's
// binding does the rest: the two differ only in where the type of the data stands. publisher.ts and receiver.ts use it.
import { encodeHeader } from '../attributes.ts';
import { parse, type Envelope, type HttpMessage } from '../binding.ts';

/** Percent-encoded like every attribute. */
const typeOfData = 'ce-datacontenttype';

export interface NatsMessage {
  headers: Record<string, string>;
  payload: Uint8Array;
}

/** What JetStream needs to know of an event, as in its headers. */
export interface Identity {
  type: string;
  key: string;
  /** Of source and id: the same event is stored once. */
  id: string;
}

/** @param message in binary mode */
export function natsMessage({ headers, parts }: HttpMessage): NatsMessage {
  const { 'content-type': contentType, ...rest } = headers;
  return {
    headers: contentType === undefined ? rest : { ...rest, [typeOfData]: encodeHeader(contentType) },
    payload: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
  };
}

export function identityOf({ headers }: HttpMessage): Identity {
  const source = headers['ce-source']!;
  return {
    type: headers['ce-type']!,
    key: headers['ce-partitionkey'] ?? source,
    // No attribute has a space any more.
    id: `${source} ${headers['ce-id']!}`,
  };
}

/** Either mode. @param headers names in any case @throws BindingError */
export function envelopeOf(headers: ReadonlyMap<string, string>, payload: Uint8Array): Envelope {
  const known = Object.fromEntries([...headers].map(([name, value]) => [name.toLowerCase(), value]));
  if (/^application\/cloudevents/i.test(known['content-type'] ?? ''))
    return parse({ 'content-type': withFormat(known['content-type']!) }, payload, { batch: false })[0]!;
  const { [typeOfData]: dataType, 'content-type': _outer, ...rest } = known;
  const ofData = dataType === undefined ? {} : { 'content-type': decoded(dataType) };
  return parse({ ...rest, ...ofData }, payload, { batch: false })[0]!;
}

/** The binding names the format without its suffix, others with it. */
function withFormat(type: string): string {
  return /^application\/cloudevents\s*(;|$)/i.test(type)
    ? type.replace(/^application\/cloudevents/i, 'application/cloudevents+json')
    : type;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
