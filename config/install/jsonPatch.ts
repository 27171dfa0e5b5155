// The part of JSON Patch (RFC 6902) that the overlays use; assemble.ts applies it.
import { ConfigError } from '../validation/configError.ts';

export interface Operation {
  op: 'add' | 'replace';
  /** JSON pointer; `-` appends to a list. */
  path: string;
  value: unknown;
}

/** Changes `object`. Throws ConfigError, which names `place`, when an operation cannot be carried out. */
export function applyPatch(object: object, operations: Operation[], place: string): void {
  for (const { op, path, value } of operations) {
    const steps = path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop();
    let parent: unknown = object;
    for (const step of steps) parent = (parent as Record<string, unknown> | undefined)?.[step];
    const isKnown = op === 'add' || op === 'replace';
    const isThere = typeof parent === 'object' && parent !== null && last !== undefined;
    if (!isKnown || !isThere || (op === 'replace' && !Object.hasOwn(parent as object, last)))
      throw new ConfigError([`${place}: cannot ${op} ${path}: there is no such place, or no such operation`]);
    if (Array.isArray(parent) && op === 'add')
      parent.splice(last === '-' ? parent.length : Number(last), 0, value);
    else (parent as Record<string, unknown>)[last] = value;
  }
}
