// Reads a task from a file for the commands; paths inside it are relative to the file.
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import { parseTask } from '../config/task.ts';
import { nearest } from '../config/validation/suggestion.ts';
import { exitCodes, UserError } from './userError.ts';

/** In the folder of a run: the task that ran, with absolute paths. */
export const taskFileName = 'task.json';

/** @throws UserError with every problem of the file, one a line. */
export async function readTask(path: string): Promise<Task> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? `there is no such file${await meant(path)}` : String(cause);
    throw new UserError(`${path}: ${reason}`, exitCodes.badInput, { cause });
  }
  try {
    return parseTask(text, path);
  } catch (cause) {
    throw new UserError((cause as Error).message, exitCodes.badInput, { cause });
  }
}

async function meant(path: string): Promise<string> {
  const names = await readdir(dirname(resolve(path))).catch(() => []);
  const near = nearest(
    basename(path),
    names.filter((name) => /\.ya?ml$/.test(name)),
  );
  return near === undefined ? '' : `; did you mean ${join(dirname(path), near)}?`;
}

/** The task with the paths of its files made absolute, as workers in other folders need them. */
export function withAbsolutePaths(task: Task, taskPath: string): Task {
  const folder = dirname(resolve(taskPath));
  const copy = structuredClone(task);
  for (const { source } of copy.spec.cameras) {
    if (sourceTypeOf(source) !== 'File' || source.uri === undefined) continue;
    source.uri = source.uri.startsWith('file://') ? fileURLToPath(source.uri) : resolve(folder, source.uri);
  }
  for (const image of copy.spec.targets.flatMap((target) => target.images)) {
    if (image.file !== undefined) image.file = resolve(folder, image.file);
  }
  for (const { modelRef } of [copy.spec.stages.detect, copy.spec.stages.embed]) {
    if (modelRef?.uri !== undefined && !modelRef.uri.includes('://'))
      modelRef.uri = resolve(folder, modelRef.uri);
  }
  return copy;
}
