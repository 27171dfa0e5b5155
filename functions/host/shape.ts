// Small checks that name the place of what is wrong; payloads.ts builds the check of every event type from them.
import { PermanentError } from '../function.ts';

type TypedArray = Uint8Array | Int8Array | Uint32Array | Float32Array;
type TypedArrayClass<T extends TypedArray> = { new (length: number): T; readonly name: string };

/** @throws PermanentError always */
export function refuse(path: string, problem: string): never {
  throw new PermanentError(`${path}: ${problem}`);
}

export function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    refuse(path, 'must be an object');
  return value as Record<string, unknown>;
}

export function list(value: unknown, path: string, most: number): unknown[] {
  if (!Array.isArray(value)) refuse(path, 'must be a list');
  if (value.length > most) refuse(path, `has ${value.length} entries, at most ${most} are taken`);
  return value as unknown[];
}

/** Not empty, at most `most` UTF-16 units. */
export function text(value: unknown, path: string, most = 512): string {
  if (typeof value !== 'string' || value === '') refuse(path, 'must be a text that is not empty');
  if (value.length > most) refuse(path, `is longer than ${most} characters`);
  return value;
}

export function oneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T {
  if (!choices.includes(value as T)) refuse(path, `must be one of ${choices.join(', ')}`);
  return value as T;
}

export function number(value: unknown, path: string, least = -Infinity, most = Infinity): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse(path, 'must be a finite number');
  if (value < least || value > most) refuse(path, `must be between ${least} and ${most}`);
  return value;
}

export function integer(value: unknown, path: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(number(value, path, least, most))) refuse(path, 'must be a whole number');
  return value as number;
}

export function boolean(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') refuse(path, 'must be true or false');
  return value;
}

/** `length`: the exact number of elements it must have. Float32 elements must be finite. */
export function array<T extends TypedArray>(
  value: unknown,
  path: string,
  type: TypedArrayClass<T>,
  length?: { is: number } | { most: number; multipleOf: number },
): T {
  if (!(value instanceof type)) refuse(path, `must be a ${type.name}`);
  const { length: actual } = value;
  if (length && 'is' in length && actual !== length.is)
    refuse(path, `has ${actual} elements instead of ${length.is}`);
  if (length && 'most' in length && (actual > length.most || actual % length.multipleOf !== 0))
    refuse(
      path,
      `has ${actual} elements; a multiple of ${length.multipleOf}, at most ${length.most}, is needed`,
    );
  if (value instanceof Float32Array) {
    const wrong = value.findIndex((element) => !Number.isFinite(element));
    if (wrong >= 0) refuse(`${path}[${wrong}]`, 'must be a finite number');
  }
  return value;
}
