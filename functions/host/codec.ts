// Turns the data of stage events into bytes and back, by event type. server.ts, emit.ts and faas.ts use it; events in one process skip it.
import { Encoder, setSizeLimits } from 'cbor-x';
import { eventTypes } from '../../config/events.ts';
import { PermanentError } from '../function.ts';
import { jsonFromBytes, mediaType } from '../../delivery/binding.ts';
import { compactTracklets, expandTracklets } from './compactTracklets.ts';
import {
  checkFrame,
  checkIdentities,
  checkImage,
  checkReport,
  checkStream,
  checkTracklets,
  checkTracks,
} from './payloads.ts';
import type { FrameData, ImageData, StageEvent, TrackletsData } from '../../config/events.ts';
import type { Envelope } from '../../delivery/binding.ts';

const checks: Record<string, (data: unknown) => unknown> = {
  [eventTypes.frame]: checkFrame,
  [eventTypes.tracks]: checkTracks,
  [eventTypes.tracklets]: (data) => checkTracklets(expandTracklets(data)),
  [eventTypes.stream]: checkStream,
  [eventTypes.identities]: checkIdentities,
  [eventTypes.report]: checkReport,
};
const binaryTypes: readonly string[] = [eventTypes.frame, eventTypes.tracks, eventTypes.tracklets];

// A forged header may claim any length, and memory is reserved before the elements are read.
setSizeLimits({ maxArraySize: 100_000, maxMapSize: 10_000, maxObjectSize: 10_000 });
const cbor = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  tagUint8Array: true,
  copyBuffers: false,
});

/**
 * The event as it travels. Pixels of a frame are referred to, not copied: do not change them before the event is sent.
 * Attributes that this code does not know are passed on.
 */
export function toEnvelope(event: StageEvent): Envelope {
  const { data, ...rest } = event;
  const attributes: Envelope['attributes'] = { specversion: '1.0' };
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) attributes[name] = value;
  if (event.type === eventTypes.frame)
    return binary(attributes, 'application/cbor', frameParts(data as FrameData));
  if (event.type === eventTypes.image) {
    const { bytes, contentType, camera, time } = data as ImageData;
    attributes.subject = camera;
    if (time !== undefined) attributes.time = new Date(time * 1000).toISOString();
    return binary(attributes, contentType, [bytes]);
  }
  if (event.type === eventTypes.tracklets)
    return binary(attributes, 'application/cbor', [cbor.encode(compactTracklets(data as TrackletsData))]);
  if (binaryTypes.includes(event.type)) return binary(attributes, 'application/cbor', [cbor.encode(data)]);
  if (data === undefined) return { attributes, data: { kind: 'none' } };
  if (data instanceof Uint8Array)
    return binary(
      attributes,
      (attributes.datacontenttype as string | undefined) ?? 'application/octet-stream',
      [data],
    );
  return {
    attributes: { datacontenttype: 'application/json', ...attributes },
    data: { kind: 'value', value: data },
  };
}

/**
 * The event as stages see it: `data` decoded and checked where the type is known; else JSON decoded, other bytes left.
 * @throws PermanentError with the path of what is wrong
 */
export function fromEnvelope(envelope: Envelope): StageEvent {
  const { datacontenttype, ...attributes } = envelope.attributes;
  delete attributes.specversion;
  const type = attributes.type as string;
  // Types are texts of strangers: a bare look-up would find `constructor` too.
  const known = Object.hasOwn(checks, type) ? checks[type] : undefined;
  if (type === eventTypes.image) return { ...attributes, data: imageData(envelope) } as StageEvent;
  if (known)
    return { ...attributes, data: known(decoded(envelope, binaryTypes.includes(type))) } as StageEvent;
  const kept = datacontenttype === undefined ? {} : { datacontenttype };
  return { ...attributes, ...kept, data: opaque(envelope) } as unknown as StageEvent;
}

/** Bytes of memory an event holds, roughly: what a queue's byte limit counts. */
export function sizeOf(event: StageEvent): number {
  return 1024 + bytesIn(event.data, 0);
}

function bytesIn(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (depth > 4) return 64;
  let bytes = 16;
  for (const part of Object.values(value)) bytes += bytesIn(part, depth + 1);
  return bytes;
}

function binary(attributes: Envelope['attributes'], contentType: string, parts: Uint8Array[]): Envelope {
  return { attributes: { ...attributes, datacontenttype: contentType }, data: { kind: 'bytes', parts } };
}

/** A frame's CBOR in two parts: the map up to the head of `pixels`, which comes last, and the pixels themselves. */
function frameParts({ pixels, ...head }: FrameData): Uint8Array[] {
  const fields = cbor.encode(head);
  fields[0]! += 1;
  return [Buffer.concat([fields, pixelsKey, lengthHead(pixels.byteLength)]), pixels];
}

/** The text `pixels`, then tag 64 (bytes as Uint8Array, RFC 8746). */
const pixelsKey = Buffer.from([0x66, ...Buffer.from('pixels'), 0xd8, 0x40]);

/** CBOR byte string head with a length of four bytes. */
function lengthHead(length: number): Buffer {
  const head = Buffer.alloc(5, 0x5a);
  head.writeUInt32BE(length, 1);
  return head;
}

function imageData(envelope: Envelope): ImageData {
  const { subject, time, datacontenttype } = envelope.attributes;
  return checkImage({
    camera: subject,
    contentType: typeof datacontenttype === 'string' ? mediaType(datacontenttype).type : undefined,
    bytes: envelope.data.kind === 'bytes' ? whole(envelope.data.parts) : undefined,
    ...(typeof time === 'string' && { time: Date.parse(time) / 1000 }),
  });
}

function decoded(envelope: Envelope, asCbor: boolean): unknown {
  const { data } = envelope;
  const type = contentTypeOf(envelope);
  if (!asCbor) {
    if (data.kind === 'value') return data.value;
    if (data.kind === 'bytes' && isJson(type)) return json(data.parts);
    throw new PermanentError('data: must be application/json');
  }
  if (data.kind !== 'bytes' || type !== 'application/cbor')
    throw new PermanentError('data: must be application/cbor');
  try {
    return cbor.decode(whole(data.parts)) as unknown;
  } catch (cause) {
    throw new PermanentError('data: is not valid CBOR', { cause });
  }
}

function opaque(envelope: Envelope): unknown {
  const { data } = envelope;
  if (data.kind === 'none') return undefined;
  if (data.kind === 'value') return data.value;
  if (envelope.attributes.datacontenttype === undefined) return whole(data.parts);
  return isJson(contentTypeOf(envelope)) ? json(data.parts) : whole(data.parts);
}

function json(parts: Uint8Array[]): unknown {
  try {
    return jsonFromBytes(whole(parts));
  } catch (cause) {
    throw new PermanentError('data: is not valid JSON in UTF-8', { cause });
  }
}

function contentTypeOf(envelope: Envelope): string {
  const { datacontenttype } = envelope.attributes;
  return typeof datacontenttype === 'string' ? mediaType(datacontenttype).type : 'application/json';
}

function isJson(type: string) {
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}

function whole(parts: Uint8Array[]): Uint8Array {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
