// Reads a task: `mei run`, the tests and the samples come through here; the API server applies the same schema to the CRD.
import { kind, Resource, type Task } from './schema/resource.ts';
import { ConfigError, valueText } from './validation/configError.ts';
import { createValidator } from './validation/validator.ts';
import { readYaml } from './validation/yamlSource.ts';

export type { Task } from './schema/resource.ts';
export { sourceTypeOf } from './schema/source.ts';

const check = createValidator(Resource);

/**
 * One MultiEdgeInference out of YAML or JSON, all defaults applied, as the API server would store it.
 * Throws ConfigError with every problem at once, each as `file:line: spec.cameras[1].fps: must be ..., got ...; what to do`.
 */
export function parseTask(text: string, fileName: string): Task {
  const source = readYaml(text, fileName, `one ${kind}`);
  const found = (source.value as { kind?: unknown } | null)?.kind;
  if (typeof found === 'string' && found !== kind && !/^multiedge/i.test(found))
    throw new ConfigError(
      source.describe([
        { path: ['kind'], message: `is ${valueText(found)}: this file must hold one ${kind}` },
      ]),
    );
  const { value, problems } = check(source.value);
  if (value === undefined) throw new ConfigError(source.describe(problems));
  return value;
}

/** The task as JSON with sorted keys: equal tasks give equal text, and parseTask reads it back. */
export function canonicalJson(task: unknown): string {
  return JSON.stringify(sorted(task));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, sorted(field)]));
}
