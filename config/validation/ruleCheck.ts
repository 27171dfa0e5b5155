// Checks offline what the API server checks by CEL and by list keys; validator.ts calls it on values that fit their schema.
import type { TSchema } from '@sinclair/typebox';
import { rulesOf } from '../schema/rule.ts';
import type { Path, Problem } from './configError.ts';

/** Broken rules and repeated list keys. `isSound(path)` says whether the value there fits its schema. */
export function checkRules(
  schema: TSchema,
  value: unknown,
  isSound: (path: Path) => boolean,
  path: Path = [],
): Problem[] {
  const problems: Problem[] = [];
  for (const [step, field] of parts(schema, value))
    problems.push(...checkRules(field, (value as Record<string, unknown>)[step], isSound, [...path, step]));
  problems.push(...repeatedKeys(schema, value, path));
  if (!isSound(path)) return problems;
  for (const rule of rulesOf(schema)) {
    if (!('check' in rule)) continue;
    const result = rule.check(value);
    if (result === true) continue;
    problems.push({ path: result === false ? path : [...path, ...result], message: rule.message });
  }
  return problems;
}

/** The values inside a value, each with its schema. */
function* parts(schema: TSchema, value: unknown): Generator<[step: string & number, field: TSchema]> {
  if (typeof value !== 'object' || value === null) return;
  const properties = schema['properties'] as Record<string, TSchema> | undefined;
  const items = schema['items'] as TSchema | undefined;
  const values = schema['additionalProperties'] as TSchema | undefined;
  if (Array.isArray(value)) {
    if (items !== undefined) for (const index of value.keys()) yield [index as string & number, items];
  } else if (properties !== undefined) {
    for (const name of Object.keys(value))
      if (Object.hasOwn(properties, name)) yield [name as string & number, properties[name]!];
  } else if (typeof values === 'object') {
    for (const name of Object.keys(value)) yield [name as string & number, values];
  }
}

function repeatedKeys(schema: TSchema, value: unknown, path: Path): Problem[] {
  const [key] = (schema['x-kubernetes-list-map-keys'] as string[] | undefined) ?? [];
  if (key === undefined || !Array.isArray(value)) return [];
  const seen = new Map<unknown, number>();
  const problems: Problem[] = [];
  for (const [index, item] of (value as (Record<string, unknown> | null)[]).entries()) {
    if (typeof item?.[key] !== 'string') continue;
    const first = seen.get(item[key]);
    if (first === undefined) seen.set(item[key], index);
    else
      problems.push({
        path: [...path, index, key],
        message: `"${item[key]}" is already the ${key} of entry ${first}: choose another, each must be unique`,
      });
  }
  return problems;
}
