// Reads request bodies; server.ts uses it. A body of known length is written into its final place as it arrives, which halves the copying.
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { HttpError } from './answers.ts';
import { quoted } from '../../delivery/attributes.ts';
import type { Readable, Transform } from 'node:stream';
import type { Request, RequestHandler } from 'express';

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Puts the bytes of the body into `request.body`: at most `limit`, also after decompression, else 413 without reading on. */
export function readBody(limit: number): RequestHandler {
  return (request, _response, next) => {
    read(request, limit).then((body) => {
      request.body = body;
      next();
    }, next);
  };
}

async function read(request: Request, limit: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
  const length = Number(request.headers['content-length']);
  if (encoding === 'identity')
    return length > 0 ? readKnown(request, length) : readUnknown(request, request, limit);
  const decoder = decoders[encoding];
  if (!decoder) throw new HttpError(415, `content encoding ${quoted(encoding)} is not taken`);
  const decoded = request.pipe(decoder());
  request.once('close', () => request.complete || decoded.destroy());
  return readUnknown(request, decoded, limit);
}

/** The length was checked against the limit before; Node ends a message after as many bytes as its length says. */
function readKnown(request: Request, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const body = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    request.on('data', (chunk: Buffer) => (filled += chunk.copy(body, filled)));
    request.once('end', () => resolve(body));
    failWith(request, request, reject);
  });
}

function readUnknown(request: Request, stream: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limit) return void chunks.push(chunk);
      stream.removeAllListeners('data').pause();
      reject(new HttpError(413, `the body has more than ${limit} bytes`));
    });
    stream.once('end', () => resolve(Buffer.concat(chunks, bytes)));
    failWith(request, stream, reject);
  });
}

function failWith(request: Request, stream: Readable, reject: (error: Error) => void) {
  stream.once('error', () => reject(new HttpError(400, 'the body cannot be read')));
  request.once('close', () => {
    if (!request.complete) reject(new HttpError(400, 'the connection ended within the body'));
  });
}
