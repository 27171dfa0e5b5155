// Recordings on a node: which folders a worker mounts, and which paths a task may name at all. Used by podTemplate and reconcile.
import { posix } from 'node:path';
import type { Task } from '../../config/schema/resource.ts';
import { sourceTypeOf } from '../../config/schema/source.ts';
import type { DesiredWorker } from '../desired.ts';
import type { Mounted } from './manifest.ts';

/** Read-only mounts of the folders that hold the worker's files, at the same path as on the node. */
export function fileMounts({ config }: DesiredWorker, folders: readonly string[]): Mounted[] {
  if (!config.stages.includes('ingest')) return [];
  const paths = config.cameras.flatMap(({ source }) =>
    source.type === 'File' && source.uri !== undefined ? [pathOf(source.uri)] : [],
  );
  const needed = folders.filter((folder) => paths.some((path) => isIn(path, folder)));
  return needed.map((folder, index) => ({
    // A folder that is not there would keep the pod from starting without a word; so its worker names the missing file.
    volume: { name: `files-${index}`, hostPath: { path: folder, type: 'DirectoryOrCreate' } },
    mount: { name: `files-${index}`, mountPath: folder, readOnly: true },
  }));
}

/**
 * One line for each camera whose file no worker may read. A task could otherwise have any folder of a node mounted.
 */
export function forbiddenFiles(task: Task, folders: readonly string[]): string[] {
  return task.spec.cameras.flatMap(({ id, source }) => {
    if (sourceTypeOf(source) !== 'File' || source.uri === undefined) return [];
    const path = pathOf(source.uri);
    if (folders.some((folder) => isIn(path, folder))) return [];
    const open = folders.length === 0 ? 'opens no folder to tasks' : `opens only ${folders.join(', ')}`;
    return [`camera ${id}: this installation ${open}, and ${path} is not in there: move the file`];
  });
}

function pathOf(uri: string): string {
  return uri.startsWith('file://') ? decodeURIComponent(new URL(uri).pathname) : uri;
}

function isIn(path: string, folder: string): boolean {
  return posix.normalize(path) === path && path.startsWith(`${folder.replace(/\/$/, '')}/`);
}
