// Checks a value against a schema, fills in defaults and collects every problem; the loaders in config/ are built on it.
import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Path, Problem } from './configError.ts';
import { toProblem } from './messages.ts';
import { checkRules } from './ruleCheck.ts';
import { strictSchema } from './strictSchema.ts';

export type Checked<T> = { value: T; problems: [] } | { value: undefined; problems: Problem[] };

/** `check(value)` changes `value`: defaults are filled in, empty fields that have a default are dropped as the API server does. */
export function createValidator<S extends TSchema>(schema: S): (value: unknown) => Checked<Static<S>> {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    compiled ??= compile(schema);
    dropEmpty(schema, value);
    const problems = compiled(value) ? [] : distinct(compiled.errors!.map(toProblem));
    const isSound = (path: Path) => !problems.some((problem) => startsWith(problem.path, path));
    problems.push(...checkRules(schema, value, isSound));
    return problems.length === 0
      ? { value: value as Static<S>, problems: [] }
      : { value: undefined, problems };
  };
}

function compile(schema: TSchema): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, verbose: true, useDefaults: true, strictTypes: false });
  ajv.addVocabulary([
    'hint',
    'gone',
    'x-kubernetes-int-or-string',
    'x-kubernetes-list-type',
    'x-kubernetes-list-map-keys',
    'x-kubernetes-map-type',
  ]);
  ajv.addFormat('date-time', isDateTime);
  ajv.addFormat('int64', true);
  return ajv.compile(strictSchema(schema));
}

function isDateTime(text: string): boolean {
  return (
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$/.test(
      text,
    ) && !Number.isNaN(Date.parse(text))
  );
}

function dropEmpty(schema: TSchema, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const properties = schema['properties'] as Record<string, TSchema> | undefined;
  const items = schema['items'] as TSchema | undefined;
  if (Array.isArray(value)) {
    if (items !== undefined) for (const item of value) dropEmpty(items, item);
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    if (properties === undefined || !Object.hasOwn(properties, name)) continue;
    if (fields[name] === null && properties[name]!.default !== undefined) delete fields[name];
    else dropEmpty(properties[name]!, fields[name]);
  }
}

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((step, index) => path[index] === step);
}

function distinct(problems: Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const key = JSON.stringify([path, message]);
    return !seen.has(key) && seen.add(key);
  });
}
