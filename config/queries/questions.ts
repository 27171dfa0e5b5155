// Reads a request as one of the questions of routes.ts: functions/host does it before anybody answers.
import { mostRows, routes, type Parameter, type QuestionName, type Route } from './routes.ts';

/** Values by the name of the parameter; times are seconds since the epoch. */
export type Values = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Asked {
  name: QuestionName;
  values: Values;
}

/** @param path below `/api` */
export function routeOf(
  method: string,
  path: string,
): { route: Route; inPath: Map<string, string> } | undefined {
  for (const route of routes) {
    const inPath = route.method === method ? matched(route.path, path) : undefined;
    if (inPath) return { route, inPath };
  }
  return undefined;
}

/** Methods that some question at this path has. */
export function methodsOf(path: string): string[] {
  return routes.filter((route) => matched(route.path, path)).map(({ method }) => method);
}

/** @returns the values, and one line for each that is wrong */
export function readValues(
  route: Route,
  inPath: ReadonlyMap<string, string>,
  query: URLSearchParams,
): { values: Values; problems: string[] } {
  const values: Record<string, string | number | boolean | undefined> = {};
  const problems: string[] = [];
  const known = route.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  for (const name of new Set(query.keys())) {
    if (!known.includes(name))
      problems.push(
        `${name.slice(0, 50)}: not known here${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`,
      );
    else if (query.getAll(name).length > 1) problems.push(`${name}: given twice`);
  }
  for (const parameter of route.parameters) {
    const { name, otherwise } = parameter;
    const text = parameter.in === 'path' ? inPath.get(name) : (query.get(name) ?? undefined);
    if (text === undefined) {
      if (otherwise !== undefined) values[name] = otherwise;
      continue;
    }
    const value = readValue(parameter, text);
    if (typeof value === 'object') problems.push(`${name}: ${value.problem}`);
    else values[name] = value;
  }
  if (typeof values['from'] === 'number' && typeof values['to'] === 'number' && values['from'] > values['to'])
    problems.push('from: must not lie after to');
  return { values, problems };
}

function readValue(
  { type, minimum = -Infinity, maximum = type === 'whole' ? mostRows : Infinity }: Parameter,
  text: string,
): string | number | boolean | { problem: string } {
  if (text.length > 512) return { problem: 'is longer than 512 characters' };
  switch (type) {
    case 'text':
      return text === '' ? { problem: 'is empty' } : text;
    case 'yes':
      if (text === 'true' || text === '1' || text === '') return true;
      return text === 'false' || text === '0' ? false : { problem: 'must be true or false' };
    case 'time':
      return (
        readTime(text) ?? {
          problem: 'must be seconds since the epoch or RFC 3339, such as 2026-03-01T08:00:00Z',
        }
      );
    case 'number':
    case 'whole': {
      const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
      const isRight = value >= minimum && value <= maximum && (type === 'number' || Number.isInteger(value));
      const kind = type === 'whole' ? 'whole number' : 'number';
      return isRight ? value : { problem: `must be a ${kind} from ${minimum} to ${maximum}` };
    }
  }
}

/** Seconds since the epoch; undefined for what is no time. */
export function readTime(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) <= 8e12 ? Number(text) : undefined;
  const isTime = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2}))?$/.test(text);
  const ms = isTime ? Date.parse(text) : NaN;
  return Number.isFinite(ms) ? ms / 1000 : undefined;
}

function matched(pattern: string, path: string): Map<string, string> | undefined {
  const parts = pattern.split('/');
  const given = path.split('/');
  if (parts.length !== given.length) return undefined;
  const found = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== given[i]) return undefined;
      continue;
    }
    const value = decoded(given[i]!);
    if (value === undefined || value === '') return undefined;
    found.set(name, value);
  }
  return found;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
