// Who may speak for a node: whoever has its token, or a client certificate with its name. server.ts asks for each connection.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { RefusedError } from '../link/http.ts';

/** Entry of people and programs that may use the routes which are about all nodes; no node can have that name. */
export const operatorEntry = '_operator';

export interface CredentialOptions {
  /** Folder with one file for each node, named like it: lines with the SHA-256 of a token, in hexadecimal. */
  tokensFolder: string;
}

const nodeName = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const largestFile = 64 << 10;

/**
 * Files are read each time, so that a new or withdrawn token counts at once.
 * @param entry name of a node, or operatorEntry
 * @throws RefusedError 401; it never says which half was wrong
 */
export async function authenticate(
  { tokensFolder }: CredentialOptions,
  request: IncomingMessage,
  entry: string,
): Promise<void> {
  const isName = entry === operatorEntry || nodeName.test(entry);
  if (isName && entry !== operatorEntry && isCertified(request.socket as TLSSocket, entry)) return;
  const token = /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.authorization ?? '')?.[1];
  const digests = isName ? await digestsOf(join(tokensFolder, entry)) : [];
  if (token !== undefined && matches(token, digests)) return;
  throw new RefusedError(401, `no valid token or certificate for ${isName ? entry : 'this node'}`, {
    'www-authenticate': 'Bearer',
  });
}

/** Whether the token that a connection was made with still counts. */
export async function isStillValid(
  options: CredentialOptions,
  request: IncomingMessage,
  entry: string,
): Promise<boolean> {
  return authenticate(options, request, entry).then(
    () => true,
    () => false,
  );
}

async function digestsOf(path: string): Promise<Buffer[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .slice(0, largestFile)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[0-9a-f]{64}$/.test(line))
    .map((line) => Buffer.from(line, 'hex'));
}

/** All are compared, also after a match, and digests have one length: the time says nothing. */
function matches(token: string, digests: readonly Buffer[]): boolean {
  const given = createHash('sha256').update(token).digest();
  return digests.map((digest) => timingSafeEqual(digest, given)).includes(true);
}

/** A certificate that our own authority signed, with the node as common name or among the alternative names. */
function isCertified(socket: TLSSocket, node: string): boolean {
  if (!socket.authorized) return false;
  const { subject, subjectaltname = '' } = socket.getPeerCertificate();
  const names = subjectaltname.split(', ').map((name) => name.replace(/^DNS:/, ''));
  return subject?.CN === node || names.includes(node);
}
