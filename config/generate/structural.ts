// Turns a TypeBox schema into the structural schema that a CRD may contain; crd.ts prints it.
import type { TSchema } from '@sinclair/typebox';
import { rulesOf } from '../schema/rule.ts';
import { requiredFields } from '../validation/strictSchema.ts';

/** Keywords that stay as they are, in the order in which they are printed. */
const kept = [
  'description',
  'type',
  'format',
  'enum',
  'default',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-int-or-string',
  'anyOf',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const;

export type Structural = Record<string, unknown>;

/** Throws when the schema holds a keyword that would be lost. */
export function structural(schema: TSchema, path = 'resource'): Structural {
  const node: Structural = {};
  for (const keyword of kept) if (schema[keyword] !== undefined) node[keyword] = schema[keyword];
  const rules = [...rulesOf(schema), ...patternRule(schema), ...fractionRules(schema)];
  if (patternRule(schema).length > 0) delete node['pattern'];
  // The API server asks the rules about the default as it stands, before it fills in the defaults inside.
  if (rules.length > 0 && schema.default !== undefined) node['default'] = filled(schema, schema.default);
  if (rules.length > 0)
    node['x-kubernetes-validations'] = rules.map(({ rule, message }) => ({ rule, message }));
  const required = requiredFields(schema);
  if (required.length > 0) node['required'] = required;
  if (schema['properties'] !== undefined)
    node['properties'] = Object.fromEntries(
      Object.entries(schema['properties'] as Record<string, TSchema>).map(([name, field]) => [
        name,
        structural(field, `${path}.${name}`),
      ]),
    );
  if (schema['items'] !== undefined) node['items'] = structural(schema['items'] as TSchema, `${path}[]`);
  if (typeof schema['additionalProperties'] === 'object')
    node['additionalProperties'] = structural(schema['additionalProperties'] as TSchema, `${path}{}`);
  refuseOthers(schema, path);
  return node;
}

/** A pattern that is explained in words becomes a rule: the API server answers with the words and not with the pattern. */
function patternRule(schema: TSchema): { rule: string; message: string }[] {
  const { pattern, hint } = schema as { pattern?: string; hint?: string };
  if (pattern === undefined || hint === undefined) return [];
  const matches = `self.matches('${pattern.replaceAll('\\', '\\\\')}')`;
  const isText = schema['x-kubernetes-int-or-string'] === true ? 'type(self) != string || ' : '';
  return [{ rule: `${isText}${matches}`, message: `must be ${hint}` }];
}

/** The API server cuts a limit to a whole number before it compares a whole number with it: 0 would pass a minimum of 0.01. */
function fractionRules({ minimum, maximum }: TSchema): { rule: string; message: string }[] {
  const isFraction = (limit: unknown): limit is number =>
    typeof limit === 'number' && !Number.isInteger(limit);
  return [
    ...(isFraction(minimum) ? [{ rule: `self >= ${minimum}`, message: `must be at least ${minimum}` }] : []),
    ...(isFraction(maximum) ? [{ rule: `self <= ${maximum}`, message: `must be at most ${maximum}` }] : []),
  ];
}

/** A default with the defaults of its fields. */
function filled(schema: TSchema, value: unknown): unknown {
  const properties = schema['properties'] as Record<string, TSchema> | undefined;
  if (properties === undefined) return value;
  const given = value as Record<string, unknown>;
  const fields = Object.entries(properties).flatMap(([name, field]) => {
    const inner: unknown = given[name] ?? field.default;
    return inner === undefined ? [] : [[name, filled(field, inner)]];
  });
  return Object.fromEntries(fields) as unknown;
}

function refuseOthers(schema: TSchema, path: string): void {
  const known = [
    ...kept,
    'hint',
    'gone',
    'required',
    'properties',
    'items',
    'additionalProperties',
    'x-kubernetes-validations',
  ];
  const other = Object.keys(schema).find((keyword) => !known.includes(keyword));
  if (other !== undefined) throw new Error(`${path}: the keyword ${other} has no place in a CRD`);
}
