// Which fields of an object the API server takes for this program's own. cluster.ts creates objects, which costs the server
// half of an apply, and applies later changes: but whoever creates owns by another title than whoever applies, and an apply
// removes only what was applied. So before the first apply the one title is turned into the other. Pure.
import type { ManagedFields } from './objects/manifest.ts';

/** The entry of an object that `manager` created. */
export function creationOf(
  fields: readonly ManagedFields[] | undefined,
  manager: string,
): ManagedFields | undefined {
  return fields?.find((entry) => isOf(entry, manager, 'Update'));
}

/** The same fields, but as if `manager` had applied what it created. */
export function asApplied(fields: readonly ManagedFields[], manager: string): ManagedFields[] {
  const created = creationOf(fields, manager);
  if (!created) return [...fields];
  const applied = fields.find((entry) => isOf(entry, manager, 'Apply'));
  const others = fields.filter((entry) => entry !== created && entry !== applied);
  const fieldsV1 = union(created.fieldsV1 ?? {}, applied?.fieldsV1 ?? {});
  return [...others, { ...created, operation: 'Apply', fieldsV1 }];
}

/**
 * The same as a JSON patch, for whoever knows only which entries there are; it fails when they are others by now.
 * Undefined where all must be known, because it was applied too.
 */
export function turnIntoApplied(
  fields: readonly ManagedFields[] | undefined,
  manager: string,
): object[] | undefined {
  const created = creationOf(fields, manager);
  if (!created || fields!.some((entry) => isOf(entry, manager, 'Apply'))) return undefined;
  const entry = `/metadata/managedFields/${fields!.indexOf(created)}`;
  return [
    { op: 'test', path: `${entry}/manager`, value: manager },
    { op: 'test', path: `${entry}/operation`, value: 'Update' },
    { op: 'replace', path: `${entry}/operation`, value: 'Apply' },
  ];
}

/** What copies keep: which entries there are, not what is in them. */
export function entriesOnly(fields: readonly ManagedFields[] | undefined): ManagedFields[] {
  return (fields ?? []).map(({ manager, operation, subresource }) => ({
    ...(manager !== undefined && { manager }),
    ...(operation !== undefined && { operation }),
    ...(subresource !== undefined && { subresource }),
  }));
}

function isOf(entry: ManagedFields, manager: string, operation: string): boolean {
  return entry.manager === manager && entry.operation === operation && !entry.subresource;
}

/** Sets of fields are trees: a name for each field, and in it the fields below. */
function union(a: object, b: object): object {
  const fields = new Map<string, object>(Object.entries(a));
  for (const [name, below] of Object.entries(b) as [string, object][])
    fields.set(name, union(fields.get(name) ?? {}, below));
  return Object.fromEntries(fields);
}
