// CloudEvents over HTTP, strictly: the functions' host, the outbox and local controllers use it because the SDK's own binding loses and makes up data.
import { BindingError, checkAttributes, decodeHeader, encodeHeader, quoted } from './attributes.ts';
import type { IncomingHttpHeaders } from 'node:http';
import type { Attributes } from './attributes.ts';

/** A CloudEvent as it travels: attributes, and data as bytes (in parts, to spare copies), as a JSON value, or none. */
export interface Envelope {
  attributes: Attributes;
  data: { kind: 'none' } | { kind: 'bytes'; parts: Uint8Array[] } | { kind: 'value'; value: unknown };
}

export interface HttpMessage {
  headers: Record<string, string>;
  parts: Uint8Array[];
}

const jsonFormat = 'application/cloudevents+json';
const batchFormat = 'application/cloudevents-batch+json';
const batchLimit = 1000;

/** Of a batch in JSON, as it is sent. */
export const batchContentType = `${batchFormat}; charset=utf-8`;

/**
 * Reads one HTTP message. A batch with one bad event is refused as a whole, so that a sender never has to guess
 * what was taken; the message names the first bad one.
 * @throws BindingError 400 (not a valid event), 413 (batch too long), 415 (unknown format or charset, batches not wanted)
 */
export function parse(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  options: { batch: boolean },
): Envelope[] {
  const { type, charset } = mediaType(headers['content-type'] ?? '');
  if (!type.startsWith('application/cloudevents')) return [parseBinary(headers, body)];
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'us-ascii')
    throw new BindingError(415, `charset ${quoted(charset)} is not taken, send utf-8`);
  if (type === jsonFormat) return [parseStructured(parseJson(body), '')];
  if (type === batchFormat && options.batch) return parseBatch(parseJson(body));
  throw new BindingError(415, `${quoted(type)} is not taken here`);
}

/** Type in lower case without parameters, and charset in lower case without quotes. */
export function mediaType(value: string): { type: string; charset: string | undefined } {
  const [type = '', ...parameters] = value.split(';').map((part) => part.trim());
  const charset = parameters
    .map((parameter) => /^charset\s*=\s*"?([^"]*)"?$/i.exec(parameter)?.[1])
    .find(Boolean);
  return { type: type.toLowerCase(), charset: charset?.trim().toLowerCase() };
}

/** Strict UTF-8, one byte order mark allowed. @throws Error */
export function jsonFromBytes(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

function parseBinary(headers: IncomingHttpHeaders, body: Uint8Array): Envelope {
  if (headers['ce-specversion'] === undefined)
    throw new BindingError(
      400,
      'not a CloudEvent: neither ce-specversion nor content-type application/cloudevents+json',
    );
  const attributes: Attributes = {};
  for (const [header, value] of Object.entries(headers))
    if (header.startsWith('ce-') && typeof value === 'string')
      attributes[header.slice(3)] = decodeHeader(value);
  if ('datacontenttype' in attributes)
    throw new BindingError(400, 'header ce-datacontenttype: send content-type instead');
  const contentType = headers['content-type']?.trim();
  if (contentType) attributes.datacontenttype = contentType;
  checkAttributes(attributes);
  return { attributes, data: body.length === 0 ? { kind: 'none' } : { kind: 'bytes', parts: [body] } };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return jsonFromBytes(body);
  } catch (cause) {
    throw new BindingError(400, 'the body is not valid JSON in UTF-8', { cause });
  }
}

function parseBatch(value: unknown): Envelope[] {
  if (!Array.isArray(value)) throw new BindingError(400, 'a batch must be a JSON list');
  if (value.length > batchLimit) throw new BindingError(413, `a batch holds at most ${batchLimit} events`);
  return value.map((entry, i) => parseStructured(entry, `event ${i} of the batch: `));
}

function parseStructured(value: unknown, place: string): Envelope {
  try {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new BindingError(400, 'a CloudEvent must be a JSON object');
    const { data, data_base64: base64, ...rest } = value as Record<string, unknown>;
    const attributes = Object.fromEntries(
      Object.entries(rest).filter(([, each]) => each !== null),
    ) as Attributes;
    checkAttributes(attributes);
    return { attributes, data: structuredData(data, base64) };
  } catch (error) {
    if (!(error instanceof BindingError) || place === '') throw error;
    throw new BindingError(400, `${place}${error.message}`, { cause: error });
  }
}

function structuredData(data: unknown, base64: unknown): Envelope['data'] {
  if (base64 === undefined || base64 === null)
    return data === undefined ? { kind: 'none' } : { kind: 'value', value: data };
  if (data !== undefined) throw new BindingError(400, 'data and data_base64 exclude each other');
  if (typeof base64 !== 'string' || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw new BindingError(400, 'data_base64 is not base64');
  return { kind: 'bytes', parts: [Buffer.from(base64, 'base64')] };
}

/** Writes binary mode: data goes as it is, attributes into headers. @throws BindingError for attributes that are not valid */
export function binaryMessage({ attributes, data }: Envelope): HttpMessage {
  checkAttributes(attributes);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes))
    if (name === 'datacontenttype') headers['content-type'] = String(value);
    else headers[`ce-${name}`] = encodeHeader(value);
  if (data.kind === 'none') return { headers, parts: [] };
  if (data.kind === 'bytes') return { headers, parts: data.parts };
  headers['content-type'] ??= 'application/json';
  return { headers, parts: [Buffer.from(valueAsText(attributes, data.value))] };
}

/** Writes structured mode; bytes become base64. @throws BindingError */
export function structuredMessage(envelope: Envelope): HttpMessage {
  return jsonMessage(jsonFormat, structured(envelope));
}

/** Writes a batch. @throws BindingError */
export function batchMessage(envelopes: Envelope[]): HttpMessage {
  return jsonMessage(batchFormat, envelopes.map(structured));
}

function structured({ attributes, data }: Envelope): object {
  checkAttributes(attributes);
  if (data.kind === 'none') return attributes;
  if (data.kind === 'value') return { ...attributes, data: data.value };
  return { ...attributes, data_base64: Buffer.concat(data.parts).toString('base64') };
}

function jsonMessage(contentType: string, value: object): HttpMessage {
  return {
    headers: { 'content-type': `${contentType}; charset=utf-8` },
    parts: [Buffer.from(JSON.stringify(value))],
  };
}

function valueAsText(attributes: Attributes, value: unknown): string {
  const { type } = mediaType(String(attributes.datacontenttype ?? 'application/json'));
  return typeof value === 'string' && !type.endsWith('json') ? value : JSON.stringify(value);
}
