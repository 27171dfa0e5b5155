// The schema of serverless.yml as plain JSON for the osls plugin, which must work before anything is built.
import { Type } from '@sinclair/typebox';
import { functionFields, providerFields } from '../schema/functions.ts';
import { strictSchema } from '../validation/strictSchema.ts';
import { eventTypes } from '../events.ts';
import { stageNames } from '../worker.ts';

export function serverlessSchema(): string {
  return `${JSON.stringify(
    {
      stages: stageNames,
      eventTypes,
      provider: withoutHints(strictSchema(Type.Object(providerFields))),
      function: withoutHints(strictSchema(Type.Object(functionFields))),
    },
    null,
    2,
  )}\n`;
}

/** osls checks with Ajv in strict mode, which refuses keywords it does not know. */
function withoutHints(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutHints);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, inner]) => !(key === 'hint' && typeof inner === 'string') && !key.startsWith('x-'),
  );
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutHints(inner)]));
}
