// Turns stored events into one request: a single one as it is, several as a compressed batch. sink.ts sends it.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { batchContentType, binaryMessage, type HttpMessage } from './binding.ts';
import { envelopeOf, type EventRow } from './eventRows.ts';

const compress = promisify(gzip);
/** Most of what can be had is had at once, and the processors of edge nodes are small. */
const level = 1;

/** @param events at least one */
export async function requestOf(events: readonly EventRow[]): Promise<HttpMessage> {
  if (events.length === 1) return single(events[0]!);
  const body = await compress(`[${events.map(structured).join(',')}]`, { level });
  return { headers: { 'content-type': batchContentType, 'content-encoding': 'gzip' }, parts: [body] };
}

/** In binary mode. */
export function single(event: EventRow): HttpMessage {
  const envelope = envelopeOf(event);
  const message = binaryMessage(envelope);
  const { traceparent } = envelope.attributes;
  if (typeof traceparent === 'string') message.headers['traceparent'] = traceparent;
  return message;
}

/** The attributes are JSON already: decoding them only to encode them again would cost more than all the rest. */
function structured({ attributes, data }: EventRow): string {
  if (data === null) return attributes;
  const open = attributes.slice(0, -1);
  if (typeof data === 'string') return `${open},"data":${data}}`;
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return `${open},"data_base64":"${base64}"}`;
}
