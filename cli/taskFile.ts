// Reads a task from a file for the commands; paths inside it are relative to the file.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import { parseTask } from '../config/task.ts';
import { exitCodes, UserError } from './userError.ts';

/** @throws UserError with every problem of the file, one a line. */
export async function readTask(path: string): Promise<Task> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new UserError(`${path}: ${reason}`, exitCodes.badInput, { cause });
  }
  try {
    return parseTask(text, path);
  } catch (cause) {
    throw new UserError((cause as Error).message, exitCodes.badInput, { cause });
  }
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
