// What every check of `mei doctor` is.

export interface Finding {
  /** skip: cannot be told, or does not apply here. */
  state: 'ok' | 'warn' | 'fail' | 'skip';
  /** What was found, one line. */
  found: string;
  /** What to do, one line; absent where nothing is to be done. */
  mend?: string;
}

export interface Check {
  name: string;
  /** @throws Error that counts as failed */
  look: () => Promise<Finding>;
}

export const ok = (found: string): Finding => ({ state: 'ok', found });
export const warn = (found: string, mend: string): Finding => ({ state: 'warn', found, mend });
export const fail = (found: string, mend: string): Finding => ({ state: 'fail', found, mend });
export const skip = (found: string): Finding => ({ state: 'skip', found });
