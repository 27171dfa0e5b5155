// What must not get into logs is taken out here, last of all: the loggers of workers and controllers write through it.

/** Fields that never hold what a person needs. */
const hidden = new Set(
  'authorization cookie password passwd secret token tokens credentials headers environment env pixels bytes vector embedding data body'.split(
    ' ',
  ),
);
const mark = '[hidden]';
const longestText = 2000;
const longestList = 20;
const deepest = 6;
const longestLine = 16 << 10;

/** Passwords with unescaped slashes are common in addresses: what stands before the last @ of a word is login. */
const login = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi;
const query = /\b([a-z][a-z0-9+.-]*:\/\/[^\s"'<>?#]*)\?[^\s"'<>]*/gi;
const bearer = /\b(Bearer|Basic|Digest) +[^\s"',;]+/gi;
const parameter = /\b((?:access_)?token|password|passwd|pwd|secret|api_?key|sig(?:nature)?)=[^\s"'&;,]+/gi;

/** A text as logs may have it: without logins, tokens and what addresses carry behind a question mark. */
export function hideSecrets(text: string): string {
  const cut = text.length > longestText ? `${text.slice(0, longestText)}...` : text;
  return cut
    .replace(login, '$1')
    .replace(query, `$1?${mark}`)
    .replace(bearer, `$1 ${mark}`)
    .replace(parameter, `$1=${mark}`);
}

/** Of an error what people need; libraries hang requests on theirs, with headers and bodies. */
export function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return plain(error, 0);
  const { name, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  const frames = stack?.includes('\n    at ')
    ? stack.slice(stack.indexOf('\n    at ')).slice(0, longestText)
    : undefined;
  return {
    type: name,
    message: hideSecrets(message),
    ...(code !== undefined && { code: String(code) }),
    ...(frames !== undefined && { stack: frames }),
    ...(cause !== undefined && { cause: causeText(cause) }),
  };
}

/** The keys of a line: texts without secrets; no pixels, no vectors, nothing long. */
export function logKeys(keys: object): Record<string, unknown> {
  return plain(keys, 0) as Record<string, unknown>;
}

/** A line that is still too long says only that. */
export function shortLine(line: string): string {
  if (line.length <= longestLine) return line;
  const { level, time, msg } = JSON.parse(line) as Record<string, unknown>;
  return `${JSON.stringify({ level, time, msg, cut: line.length })}\n`;
}

function causeText(cause: unknown, depth = 0): string {
  if (!(cause instanceof Error)) return typeof cause === 'string' ? hideSecrets(cause) : typeof cause;
  const deeper = cause.cause !== undefined && depth < deepest ? `: ${causeText(cause.cause, depth + 1)}` : '';
  return `${hideSecrets(cause.message)}${deeper}`;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return hideSecrets(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (value instanceof Error) return errorFields(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${value.byteLength} bytes`;
  if (value instanceof URL) return hideSecrets(value.href);
  if (value instanceof Date) return value;
  if (depth >= deepest) return mark;
  if (Array.isArray(value)) {
    const shown = value.slice(0, longestList).map((each) => plain(each, depth + 1));
    return value.length > longestList ? [...shown, `and ${value.length - longestList} more`] : shown;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      hidden.has(name.toLowerCase()) ? mark : plain(field, depth + 1),
    ]),
  );
}
