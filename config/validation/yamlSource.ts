// Reads one YAML document and remembers on which line each value stands; the loaders of tasks, functions and models use it.
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type ParsedNode,
} from 'yaml';
import { ConfigError, pathText, valueText, type Path, type Problem } from './configError.ts';

/** Longer texts are refused: the API server stores no larger objects either. */
export const maxTextBytes = 1_500_000;
const maxAliases = 100;
/** More help nobody, and finding their lines takes long: they are counted instead. */
const mostDescribed = 100;

export interface YamlSource {
  fileName: string;
  value: unknown;
  /** Problems as `file:line: path: message`, sorted by line. */
  describe(problems: Problem[]): string[];
}

/** Throws ConfigError with file and line for anything that is not exactly one well-formed document. */
export function readYaml(text: string, fileName: string, what: string): YamlSource {
  if (Buffer.byteLength(text) > maxTextBytes)
    throw new ConfigError([`${fileName}: is longer than ${maxTextBytes} bytes: ${what} is a short text`]);
  const lines = new LineCounter();
  const parsed = parseAllDocuments<ParsedNode>(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Dates, sets and bytes are nothing that JSON knows.
    resolveKnownTags: false,
    // It compares each key with each; `repeatedKeys` does not.
    uniqueKeys: false,
  });
  const documents =
    'empty' in parsed
      ? []
      : parsed.filter((document) => document.contents !== null || document.errors.length);
  const errors = documents.flatMap((document) => [
    ...document.errors.map(({ message, pos: [at] }) => ({ at, message })),
    ...repeatedKeys(document),
  ]);
  if (errors.length > 0)
    throw new ConfigError(
      shortened(errors, ({ at, message }) => {
        const [reason = ''] = message.split('\n', 1);
        return `${fileName}:${lines.linePos(at).line}: is not valid YAML: ${reason.slice(0, 300)}`;
      }),
    );
  const [document, second] = documents;
  if (document?.contents == null || emptyScalar(document))
    throw new ConfigError([`${fileName}: is empty: it must hold ${what}`]);
  if (second !== undefined) {
    const line = lines.linePos(second.contents?.range[0] ?? 0).line;
    throw new ConfigError([
      `${fileName}:${line}: a second document begins here, ${documents.length} in all: put ${what} into a file of its own`,
    ]);
  }
  const lineOf = (path: Path) => lines.linePos(offsetOf(document, path)).line;
  return {
    fileName,
    value: toValue(document, fileName),
    describe(problems) {
      const lineOfProblem = new Map(
        problems.slice(0, mostDescribed).map((problem) => [problem, lineOf(problem.path)]),
      );
      const sorted = [...lineOfProblem.keys()].sort(
        (one, other) => lineOfProblem.get(one)! - lineOfProblem.get(other)!,
      );
      return shortened([...sorted, ...problems.slice(mostDescribed)], (problem) => {
        const { path, message } = problem;
        const place = `${fileName}:${lineOfProblem.get(problem)}`;
        return [place, ...(path.length > 0 ? [pathText(path)] : []), message].join(': ');
      });
    },
  };
}

/** A line for each of the first, and how many more there are. */
function shortened<T>(things: readonly T[], lineOf: (thing: T) => string): string[] {
  const lines = things.slice(0, mostDescribed).map(lineOf);
  const more = things.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more problems`] : lines;
}

function repeatedKeys(document: Document.Parsed): { at: number; message: string }[] {
  const found: { at: number; message: string }[] = [];
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        // Numbers are keys of objects as their texts are.
        const name = String(key.value);
        if (seen.has(name))
          found.push({ at: key.range?.[0] ?? 0, message: `key ${valueText(name)} is there twice` });
        seen.add(name);
      }
    },
  });
  return found;
}

function emptyScalar(document: Document.Parsed): boolean {
  return isScalar(document.contents) && document.contents.value === null;
}

function toValue(document: Document.Parsed, fileName: string): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    throw new ConfigError([`${fileName}: cannot be read: ${(error as Error).message}`], { cause: error });
  }
}

/** Where the value stands, or its nearest ancestor that exists; a key of a map stands where the key does. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      if (pair === undefined) return offset;
      offset = (pair.key as ParsedNode).range[0];
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step];
      offset = (node as ParsedNode).range[0];
    } else return offset;
  }
  return offset;
}
