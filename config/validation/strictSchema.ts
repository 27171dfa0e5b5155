// Derives the schema that Ajv checks offline from the one written in TypeBox: defaults are not required, nothing unknown passes.
import type { TSchema } from '@sinclair/typebox';

type Node = Record<string, unknown>;

/** Plain JSON: unknown fields are refused everywhere, and fields with a default may be left out. */
export function strictSchema(schema: TSchema): Node {
  const node: Node = {};
  for (const [key, value] of Object.entries(schema)) if (typeof value !== 'function') node[key] = value;
  delete node['x-kubernetes-validations'];
  if (node['x-kubernetes-int-or-string'] === true) {
    delete node['anyOf'];
    node['type'] = ['integer', 'string'];
  }
  if (isNode(node['items'])) node['items'] = strictSchema(node['items'] as TSchema);
  if (isNode(node['additionalProperties']))
    node['additionalProperties'] = strictSchema(node['additionalProperties'] as TSchema);
  if (isNode(node['properties'])) {
    const properties = node['properties'] as Record<string, TSchema>;
    node['required'] = requiredFields(schema);
    node['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, field]) => [name, strictSchema(field)]),
    );
    node['additionalProperties'] = false;
  }
  return node;
}

/** Fields that somebody must write: those that are neither optional nor have a default. */
export function requiredFields(schema: TSchema): string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, TSchema>;
  const required = (schema['required'] ?? []) as string[];
  return required.filter((name) => properties[name]?.default === undefined);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
