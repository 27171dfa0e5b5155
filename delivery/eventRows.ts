// Events as they travel, and as rows of an outbox. Called by outbox.ts, outboxStore.ts and batch.ts.
import type { Attributes } from './attributes.ts';
import type { Envelope } from './binding.ts';

/** What gives way when there is no room: lower ranks first, the oldest of a rank first. */
export const ranks = { report: 0, update: 1, lasting: 2 } as const;
export type Rank = keyof typeof ranks;

/** An event to be kept until its receiver has it. */
export interface OutgoingEvent {
  envelope: Envelope;
  /** Names the receiver; what it means is up to whoever made the outbox. */
  target: string;
  rank: Rank;
}

/** An event as it is kept: encoded once, when it comes. Events of one key arrive in the order in which they were stored. */
export interface EventRow {
  target: string;
  key: string;
  rank: number;
  bytes: number;
  source: string;
  id: string;
  /** JSON. */
  attributes: string;
  /** A text is a JSON value. */
  data: string | Uint8Array | null;
}

/** An event that waits, by its place in the order. */
export interface StoredEvent extends EventRow {
  seq: number;
}

/** @param event with attributes that were checked */
export function rowOf({ envelope, target, rank }: OutgoingEvent): EventRow {
  const { source, id, partitionkey } = envelope.attributes;
  const attributes = JSON.stringify(envelope.attributes);
  const data = bodyOf(envelope.data);
  const bytes = Buffer.byteLength(attributes) + (data === null ? 0 : Buffer.byteLength(data));
  const key = String(partitionkey ?? source);
  return { target, key, rank: ranks[rank], bytes, source: String(source), id: String(id), attributes, data };
}

export function envelopeOf({ attributes, data }: EventRow): Envelope {
  return { attributes: JSON.parse(attributes) as Attributes, data: dataOf(data) };
}

export function rankOf(number: number): Rank {
  return (Object.keys(ranks) as Rank[]).find((rank) => ranks[rank] === number) ?? 'lasting';
}

function bodyOf(data: Envelope['data']): Buffer | string | null {
  if (data.kind === 'none') return null;
  if (data.kind === 'value') return JSON.stringify(data.value);
  const [only] = data.parts;
  if (data.parts.length === 1) return Buffer.from(only!.buffer, only!.byteOffset, only!.byteLength);
  return Buffer.concat(data.parts);
}

function dataOf(data: EventRow['data']): Envelope['data'] {
  if (data === null) return { kind: 'none' };
  if (typeof data === 'string') return { kind: 'value', value: JSON.parse(data) as unknown };
  return { kind: 'bytes', parts: [data] };
}
