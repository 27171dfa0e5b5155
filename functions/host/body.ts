// Reads request bodies; server.ts uses it. Large plain bodies are written into their final place as they arrive, which halves the copying.
import express from 'express';
import { HttpError } from './answers.ts';
import type { Request, RequestHandler, Response } from 'express';

/** Puts the bytes of the body into `request.body`: at most `limit`, also after decompression. */
export function readBody(limit: number): RequestHandler {
  const general = express.raw({ type: () => true, limit, inflate: true });
  return (request, response, next) => {
    const length = Number(request.headers['content-length']);
    const plain = request.headers['content-encoding'] === undefined && Number.isInteger(length) && length > 0;
    if (!plain) return general(request, response, next);
    readPlain(request, response, length).then((body) => {
      request.body = body;
      next();
    }, next);
  };
}

/** `admit` has checked `length` against the limit; Node ends a message after as many bytes as its length says. */
function readPlain(request: Request, response: Response, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const body = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    request.on('data', (chunk: Buffer) => (filled += chunk.copy(body, filled)));
    request.once('end', () => resolve(body));
    request.once('error', reject);
    response.once('close', () => {
      if (filled < length) reject(new HttpError(400, 'the connection ended within the body'));
    });
  });
}
