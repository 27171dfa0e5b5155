// Generated files are what the schemas say now, and the schema keeps to what a CRD may contain.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { TSchema } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import { parse } from 'yaml';
import { generatedFiles } from '../../config/generate.ts';
import { crdYaml } from '../../config/generate/crd.ts';
import { structural } from '../../config/generate/structural.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { Resource } from '../../config/schema/resource.ts';

test.each(Object.entries(generatedFiles()))('%s is up to date (if not: npm run generate)', (path, text) => {
  expect(readFileSync(join(packageRoot(), path), 'utf8')).toBe(text);
});

test('every field says what it means, and every text and list has a limit', () => {
  const { spec, status } = Resource.properties;
  expect([...undescribed('spec', spec), ...undescribed('status', status)]).toEqual([]);
  expect([...unlimited('spec', spec), ...unlimited('status', status)]).toEqual([]);
});

test('the CRD has names, columns and the status subresource', () => {
  const { spec } = parse(crdYaml()) as { spec: Record<string, never> };
  expect(spec).toMatchObject({
    group: 'sedna.io',
    scope: 'Namespaced',
    names: { plural: 'multiedgeinferences', shortNames: ['mei', 'multiedgeinferenceservice'] },
    versions: [{ name: 'v1alpha1', subresources: { status: {} } }],
  });
  const [version] = spec['versions'] as unknown as { additionalPrinterColumns: { name: string }[] }[];
  expect(version!.additionalPrinterColumns.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['Phase', 'Cameras', 'Identities', 'Age']),
  );
});

test('the CRD holds CEL and list keys, and nothing that only we understand', () => {
  const text = crdYaml();
  expect(text).toContain('x-kubernetes-list-map-keys');
  expect(text).toContain('rule: ');
  expect(text).not.toMatch(/additionalProperties: false|hint:|\$ref|oneOf/);
});

test('a keyword that a CRD would lose is refused', () => {
  expect(() =>
    structural(Type.Object({ a: Type.Number({ description: 'a', exclusiveMinimum: 0 }) }), 'spec'),
  ).toThrow('spec.a: the keyword exclusiveMinimum has no place in a CRD');
});

function* fields(path: string, schema: TSchema): Generator<[string, TSchema]> {
  yield [path, schema];
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, TSchema>))
    yield* fields(`${path}.${name}`, field);
  if (schema['items'] !== undefined) yield* fields(`${path}[]`, schema['items'] as TSchema);
  if (typeof schema['additionalProperties'] === 'object')
    yield* fields(`${path}{}`, schema['additionalProperties'] as TSchema);
}

function undescribed(path: string, schema: TSchema): string[] {
  return [...fields(path, schema)].filter(([, field]) => !field.description).map(([place]) => place);
}

function unlimited(path: string, schema: TSchema): string[] {
  const isUnlimited = (field: TSchema) =>
    (field['type'] === 'string' && field['maxLength'] === undefined && field['enum'] === undefined) ||
    (field['type'] === 'array' && field['maxItems'] === undefined) ||
    (typeof field['additionalProperties'] === 'object' && field['maxProperties'] === undefined);
  return [...fields(path, schema)].filter(([, field]) => isUnlimited(field)).map(([place]) => place);
}
