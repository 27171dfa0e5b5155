// Where a worker's store is: what the environment says of a server, else the worker's folder. handler.ts, the console and the command
// line ask with the environment of their process.
import type { WorkerConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import type { StorePlace } from './database.ts';
import { postgresPlace } from './postgres.ts';

/**
 * STORE_URL is the address of a PostgreSQL server, STORE_URL_FILE a file with it, which may change; STORE_NAME the name of a store
 * that tasks of a namespace share, one after the other.
 * @param threadArgv arguments of node for threads, e.g. a loader
 * @throws PermanentError when both are given, or there is no place at all
 */
export function placeOf(
  { task, storeFolder }: Pick<WorkerConfig, 'task' | 'storeFolder'>,
  environment: NodeJS.ProcessEnv,
  threadArgv?: string[],
): StorePlace {
  const { STORE_URL: url, STORE_URL_FILE: file, STORE_NAME: storeName } = environment;
  if (url && file) throw new PermanentError('STORE_URL and STORE_URL_FILE: set one of them');
  const named = { ...task, ...(storeName && { storeName }) };
  if (file) return postgresPlace({ file }, named, threadArgv);
  if (url) return postgresPlace({ url }, named, threadArgv);
  if (storeFolder === undefined)
    throw new PermanentError('match needs a place for its store: set storeFolder, or STORE_URL');
  return storeFolder;
}
