// What must be written so that a task's objects are as they should be. Pure; reconcile.ts carries it out.
import { isShared, type ManagedFields, type Manifest } from './objects/manifest.ts';

export interface Plan {
  /** Missing or different, in the order of `wanted`. */
  apply: { manifest: Manifest; observed: Manifest | undefined }[];
  /** Owned by the task, and no longer wanted. */
  prune: Manifest[];
  /** Names that are taken by objects of another owner. */
  taken: Manifest[];
}

/**
 * @param observed all objects that carry the task's label
 * @param uid of the task: only what it owns is touched
 */
export function planOf(wanted: readonly Manifest[], observed: readonly Manifest[], uid: string): Plan {
  const there = new Map(observed.map((object) => [keyOf(object), object]));
  const plan: Plan = { apply: [], prune: [], taken: [] };
  for (const manifest of wanted) {
    const object = there.get(keyOf(manifest));
    there.delete(keyOf(manifest));
    if (isShared(manifest)) {
      if (!object) plan.apply.push({ manifest, observed: undefined });
    } else if (object && !isOwnedBy(object, uid)) plan.taken.push(object);
    else if (!object || object.metadata.deletionTimestamp || !covers(object, manifest))
      plan.apply.push({ manifest, observed: object });
  }
  for (const object of there.values())
    if (isOwnedBy(object, uid) && !object.metadata.deletionTimestamp) plan.prune.push(object);
  return plan;
}

/** With the API, because Knative too calls a kind Service. */
export function keyOf({ apiVersion, kind, metadata }: Manifest): string {
  return `${apiVersion}/${kind}/${metadata.namespace}/${metadata.name}`;
}

function isOwnedBy({ metadata }: Manifest, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false;
}

/**
 * Whether an object that bears the task's fields since a moment ago may be one that this controller made earlier and lost
 * sight of: it is younger than the task, and nobody else gave it more than labels and the like.
 */
export function isLikelyOwn(
  { metadata }: Manifest,
  others: readonly ManagedFields[],
  taskBorn: string | undefined,
): boolean {
  const bornMs = Date.parse(metadata.creationTimestamp ?? '');
  const gaveContent = others.some(
    ({ subresource, fieldsV1 }) =>
      !subresource && Object.keys(fieldsV1 ?? {}).some((field) => field !== 'f:metadata'),
  );
  return bornMs >= Date.parse(taskBorn ?? '') && !gaveContent;
}

/** Whether everything that is wanted is there; the server and others may have added more. */
export function covers(observed: unknown, wanted: unknown): boolean {
  if (isEmpty(wanted)) return isEmpty(observed);
  if (Array.isArray(wanted)) return Array.isArray(observed) && listCovers(observed, wanted);
  if (typeof wanted !== 'object' || wanted === null) return observed === wanted;
  if (typeof observed !== 'object' || observed === null) return false;
  const fields = observed as Record<string, unknown>;
  return Object.entries(wanted).every(([name, value]) => covers(fields[name], value));
}

/** The server leaves empty lists and objects out. */
function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** Lists whose items have names, such as env, or types, such as conditions, are merged by the server: others may have added items. */
function listCovers(observed: unknown[], wanted: unknown[]): boolean {
  if (wanted.some((item) => nameOf(item) === undefined))
    return observed.length === wanted.length && wanted.every((item, index) => covers(observed[index], item));
  return wanted.every((item) =>
    observed.some((other) => nameOf(other) === nameOf(item) && covers(other, item)),
  );
}

function nameOf(item: unknown): unknown {
  const { uid, name, type } = (item ?? {}) as { uid?: unknown; name?: unknown; type?: unknown };
  return uid ?? name ?? type;
}
