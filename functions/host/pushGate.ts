// Asks pushAccess.ts about each request that may hold pictures, before and after its body is read; server.ts puts it on its routes.
import { eventTypes } from '../../config/events.ts';
import { decodeHeader } from '../../delivery/attributes.ts';
import { HttpError } from './answers.ts';
import type { Request, RequestHandler, Response } from 'express';
import type { ImageData, StageEvent } from '../../config/events.ts';
import type { PushAccess, Sender } from './pushAccess.ts';

/** What is known of a request; kept in `response.locals`. */
interface Locals {
  sender?: Sender;
  /** Cameras that it has been admitted for, and how many of its pictures have been counted. */
  counted?: { camera: string; pictures: number };
}

/** Refuses before the body is read, where the request tells its camera: by its path, or in the headers of one event. */
export function admitSender(access: PushAccess): RequestHandler {
  return (request, response, next) => {
    const locals: Locals = response.locals;
    locals.sender = access.senderOf(request.headers, request.query);
    const camera = cameraOf(request);
    if (camera !== undefined) {
      access.admit(locals.sender, camera);
      begin(access, camera, response);
      locals.counted = { camera, pictures: 1 };
    }
    next();
  };
}

function cameraOf(request: Request): string | undefined {
  if (request.params.id !== undefined) return String(request.params.id);
  const subject = request.get('ce-subject');
  return request.get('ce-type') === eventTypes.image && subject !== undefined
    ? decodeHeader(subject)
    : undefined;
}

/**
 * A worker that hosts ingest is open to cameras, and ingest is the first stage: nobody has anything else to send it.
 * @throws HttpError, OverloadedError, TransientError
 */
export function admitPictures(access: PushAccess, events: StageEvent[], response: Response): void {
  const { sender, counted }: Locals = response.locals;
  if (sender === undefined) return;
  const begun = new Set(counted && [counted.camera]);
  let already = counted?.pictures ?? 0;
  for (const event of events) {
    if (event.type !== eventTypes.image) throw new HttpError(403, 'this worker takes pictures only');
    const { camera } = event.data as ImageData;
    if (camera === counted?.camera && already-- > 0) continue;
    access.admit(sender, camera);
    if (!begun.has(camera)) begin(access, camera, response);
    begun.add(camera);
  }
}

function begin(access: PushAccess, camera: string, response: Response): void {
  response.once('close', access.begin(camera));
}

/** An answer to a request whose address holds a token is nothing for caches. */
export const keepPrivate: RequestHandler = (_request, response, next) => {
  response.set('cache-control', 'private, no-store');
  next();
};
