// Makes the event of a picture that a camera posts without CloudEvents; server.ts calls it.
import { randomUUID } from 'node:crypto';
import { eventTypes } from '../../config/events.ts';
import { HttpError } from './answers.ts';
import { checkImage } from './payloads.ts';
import type { ImageData, StageEvent } from '../../config/events.ts';

export interface PostedPicture {
  camera: string;
  contentType: string;
  bytes: Uint8Array;
  source: string;
  /** Query `time` or header Media-Time: seconds since the epoch, or RFC 3339. */
  time: unknown;
  /** Header Idempotency-Key: makes a repeated post recognisable. */
  key: string | undefined;
  arrivedMs: number;
}

/**
 * A picture with a key or a time of its own is recognised when it is posted again; others are all different.
 * @throws HttpError 400 for a time that cannot be read; PermanentError
 */
export function imageEvent(posted: PostedPicture): StageEvent<ImageData> {
  const { camera, contentType, bytes } = posted;
  const time = posted.time === undefined ? undefined : readTime(posted.time);
  const data = checkImage({ camera, contentType, bytes, ...(time !== undefined && { time }) });
  return {
    id: posted.key ?? (time === undefined ? randomUUID() : `${camera}@${time}`),
    source: posted.source,
    type: eventTypes.image,
    time: new Date((time ?? posted.arrivedMs / 1000) * 1000).toISOString(),
    subject: camera,
    partitionkey: camera,
    data,
  };
}

function readTime(value: unknown): number {
  const text = typeof value === 'string' ? value.trim() : '';
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (!Number.isFinite(seconds) || Math.abs(seconds) > 8e12)
    throw new HttpError(400, 'time: must be seconds since the epoch or RFC 3339');
  return seconds;
}
