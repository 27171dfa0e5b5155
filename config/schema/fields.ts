// Kinds of fields that several parts of the resource share, in the subset of JSON schema that a CRD may use.
import { Type, type SchemaOptions, type Static, type TSchema, type TUnsafe } from '@sinclair/typebox';

/** What every field must say about itself; `hint` explains a pattern in words and stays out of the CRD. */
export interface FieldOptions extends SchemaOptions {
  description: string;
  hint?: string;
}

/** One of a few words. */
export function choice<const T extends string>(values: readonly T[], options: FieldOptions): TUnsafe<T> {
  return Type.Unsafe<T>({ type: 'string', enum: values, ...options });
}

/** An object with free keys. */
export function map<S extends TSchema>(values: S, options: FieldOptions & { maxProperties: number }) {
  return Type.Unsafe<Record<string, Static<S>>>({ type: 'object', additionalProperties: values, ...options });
}

/** A list whose items are known by a key field: edits and server-side apply merge by it, and it is unique. */
export function listMap<S extends TSchema>(
  item: S,
  key: string,
  options: FieldOptions & { maxItems: number; minItems?: number },
) {
  return Type.Array(item, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    ...options,
  });
}

/** A list that is replaced as a whole. */
export function atomicList<S extends TSchema>(
  item: S,
  options: FieldOptions & { maxItems: number; minItems?: number },
) {
  return Type.Array(item, { 'x-kubernetes-list-type': 'atomic', ...options });
}

/** A DNS label: what becomes part of object names, file names and event subjects. */
export function label(options: FieldOptions) {
  return Type.String({
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    minLength: 1,
    maxLength: 63,
    hint: 'lower-case letters, digits and dashes, such as gate-2',
    ...options,
  });
}

/** The name of another Kubernetes object. */
export function objectName(options: FieldOptions) {
  return Type.String({
    pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
    minLength: 1,
    maxLength: 253,
    hint: 'the name of a Kubernetes object: lower-case letters, digits, dashes and dots',
    ...options,
  });
}

/** RFC 3339. */
export function dateTime(options: FieldOptions) {
  return Type.String({
    format: 'date-time',
    maxLength: 64,
    hint: 'a time such as 2026-03-01T08:00:00Z',
    ...options,
  });
}

/** A time span such as 90s, 12h or 1d12h; `durationSeconds` reads it. */
export function duration(options: FieldOptions) {
  return Type.String({
    pattern: '^([0-9]{1,6}(s|m|h|d))+$',
    maxLength: 32,
    hint: 'a time span such as 90s, 15m, 12h or 30d',
    ...options,
  });
}

/** A Kubernetes quantity: cores (500m) or bytes (64Mi); a bare whole number is allowed as in Kubernetes. */
export function quantity(options: FieldOptions) {
  return Type.Unsafe<string | number>({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$',
    maxLength: 24,
    hint: 'a quantity such as 500m, 2 or 256Mi',
    ...options,
  });
}
