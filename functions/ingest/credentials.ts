// Reads a camera's user name, password and certificates, for handler.ts: the configuration holds only names of variables.
import { readFileSync } from 'node:fs';
import type { CameraConfig } from '../../config/worker.ts';
import { PermanentError, TransientError } from '../function.ts';
import type { TlsOptions } from '../media/cameraTunnel.ts';

/**
 * @returns undefined when the camera names no variable
 * @throws PermanentError when a named variable is not set
 */
export function readCredentials(
  { id, source }: CameraConfig,
  environment: Record<string, string | undefined>,
): { username: string; password: string } | undefined {
  const read = (name: string | undefined): string => {
    if (name === undefined) return '';
    const value = environment[name];
    if (value === undefined)
      throw new PermanentError(`camera ${id}: environment variable ${name} is not set`);
    return value;
  };
  if (source.usernameEnv === undefined && source.passwordEnv === undefined) return undefined;
  return { username: read(source.usernameEnv), password: read(source.passwordEnv) };
}

/**
 * @returns undefined when the camera says nothing about TLS
 * @throws PermanentError when the variable is not set, TransientError when the file it names cannot be read
 */
export function readTls(
  { id, source: { tls } }: CameraConfig,
  environment: Record<string, string | undefined>,
): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  const { verification, serverName, caFileEnv } = tls;
  if (caFileEnv === undefined) return { verification, serverName };
  const path = environment[caFileEnv];
  if (!path) throw new PermanentError(`camera ${id}: environment variable ${caFileEnv} is not set`);
  try {
    return { verification, serverName, ca: readFileSync(path, 'utf8') };
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new TransientError(`camera ${id}: its certificates cannot be read from ${path}: ${reason}`, {
      cause,
    });
  }
}
