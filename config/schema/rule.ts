// A rule that JSON schema cannot say, written once: the CRD carries its CEL text, parseTask runs its check offline.
import type { Static, TSchema } from '@sinclair/typebox';

/** Where in the checked value a rule is broken: keys and indexes from there down. */
export type RelativePath = (string | number)[];

/** `check` says true, or false, or where exactly the value is wrong; it only sees values that fit their schema. */
export interface Rule<T> {
  /** CEL, as kube-apiserver evaluates it; `self` is the value the rule stands on. */
  rule: string;
  /** What is wrong and how to mend it. */
  message: string;
  check(self: T): boolean | RelativePath;
}

/** A rule about an edit: runs only when an old value exists, so only on the API server or with `checkEdit`. */
export interface TransitionRule<T> {
  rule: string;
  message: string;
  checkEdit(self: T, oldSelf: T): boolean;
}

export type AnyRule<T> = Rule<T> | TransitionRule<T>;

export const rulesKeyword = 'x-kubernetes-validations';

/** The schema with rules on it; types are unchanged. */
export function withRules<S extends TSchema>(schema: S, rules: AnyRule<Static<S>>[]): S {
  return { ...schema, [rulesKeyword]: rules };
}

/** The rules on a schema node; none for most. */
export function rulesOf(schema: TSchema): AnyRule<unknown>[] {
  return (schema[rulesKeyword] as AnyRule<unknown>[] | undefined) ?? [];
}
