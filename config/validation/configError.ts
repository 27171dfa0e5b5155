// The one error of everything that reads files of people: all problems at once, each a line that says where and what to do.

/** Keys and indexes from the top of a document down to a value. */
export type Path = readonly (string | number)[];

/** One thing that is wrong in a document. */
export interface Problem {
  path: Path;
  /** What is wrong and how to mend it, without the place. */
  message: string;
}

/** Its message is all problems, one a line: `file:line: spec.cameras[1].fps: must be ...`. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.problems = problems;
  }
}

/** Longer texts are cut. */
const shortest = 60;

/** `['spec', 'cameras', 1, 'fps']` -> `spec.cameras[1].fps`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (step.length <= shortest && /^[A-Za-z_$][\w$-]*$/.test(step))
      text += text === '' ? step : `.${step}`;
    else text += `[${valueText(step)}]`;
  }
  return text;
}

/** A value as people wrote it, short enough for one line. */
export function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > shortest ? `${text.slice(0, shortest)}..." (${text.length - 2} characters)` : text;
}
