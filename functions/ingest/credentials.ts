// Reads a camera's user name and password from the environment, for handler.ts: the configuration holds only their names.
import type { CameraConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';

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
