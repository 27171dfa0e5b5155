// The schema of serverless.yml as plain JSON for the osls plugin, which must work before anything is built.
import { Type } from '@sinclair/typebox';
import { FunctionEntry, fromOutside, providerFields } from '../schema/functions.ts';
import { strictSchema } from '../validation/strictSchema.ts';
import { eventTypes } from '../events.ts';
import { knative } from '../knative.ts';
import { stageNames } from '../worker.ts';

export function serverlessSchema(): string {
  return `${JSON.stringify(
    {
      stages: stageNames,
      eventTypes,
      fromOutside,
      knative,
      provider: forOsls(strictSchema(Type.Object(providerFields))),
      function: forOsls(strictSchema(FunctionEntry)),
    },
    null,
    2,
  )}\n`;
}

/** osls checks with Ajv in strict mode: unknown keywords and alternatives of types are refused, and numbers become text. */
function forOsls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forOsls);
  if (typeof value !== 'object' || value === null) return value;
  const node = value as Record<string, unknown>;
  const entries = Object.entries(node)
    .filter(([key, inner]) => !(key === 'hint' && typeof inner === 'string') && !key.startsWith('x-'))
    .map(([key, inner]) => [key, forOsls(inner)]);
  const type = node['x-kubernetes-int-or-string'] === true ? { type: 'string' } : {};
  return { ...Object.fromEntries(entries), ...type };
}
