// The rules for CloudEvents attributes: names, values, and their form in HTTP headers. binding.ts reads and writes them with this.
import { CloudEvent, ValidationError } from 'cloudevents';
import { PermanentError } from '../config/errors.ts';

export type Attributes = Record<string, string | number | boolean>;

/** The request cannot be read as a CloudEvent: `status` is the HTTP answer. */
export class BindingError extends PermanentError {
  override name = 'BindingError';
  readonly status: number;
  constructor(status: 400 | 413 | 415, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const attributeLimits = { count: 64, valueLength: 4096 };
const required = ['specversion', 'id', 'source', 'type'];
const textual = [...required, 'datacontenttype', 'dataschema', 'subject', 'time'];
const timeWithZone = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const contentType = /^[^\s/;,]+\/[^\s/;,]+(?:\s*;.*)?$/;

/**
 * Checks attributes against CloudEvents 1.0. Nothing is made up: a missing id or time stays missing.
 * @throws BindingError 400
 */
export function checkAttributes(attributes: Attributes): void {
  for (const name of required)
    if (attributes[name] === undefined || attributes[name] === '') invalid(name, 'is missing or empty');
  if (attributes.specversion !== '1.0') invalid('specversion', 'must be 1.0');
  if (Object.keys(attributes).length > attributeLimits.count)
    throw new BindingError(400, `more than ${attributeLimits.count} attributes`);
  for (const name of textual)
    if (attributes[name] !== undefined && typeof attributes[name] !== 'string')
      invalid(name, 'must be a text');
  for (const [name, value] of Object.entries(attributes)) checkValue(name, value);
  if (attributes.time !== undefined && !timeWithZone.test(attributes.time as string))
    invalid('time', 'must be RFC 3339 with a time zone');
  if (attributes.datacontenttype !== undefined && !contentType.test(attributes.datacontenttype as string))
    invalid('datacontenttype', 'must be a media type');
  checkWithSdk(attributes);
}

function checkValue(name: string, value: unknown) {
  if (!/^[a-z0-9]+$/.test(name) || name === 'data')
    throw new BindingError(400, `attribute ${quoted(name)}: names consist of a-z and 0-9`);
  if (typeof value === 'string') {
    if (value.length > attributeLimits.valueLength)
      invalid(name, `is longer than ${attributeLimits.valueLength} characters`);
    if (hasControlCharacters(value)) invalid(name, 'contains control characters');
    if (/\p{Surrogate}/u.test(value)) invalid(name, 'contains half a character');
  } else if (typeof value !== 'boolean' && !(Number.isInteger(value) && Math.abs(value as number) <= 2 ** 31))
    invalid(name, 'must be a text, a whole number of 32 bits, or true or false');
}

function hasControlCharacters(value: string) {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}

function checkWithSdk(attributes: Attributes) {
  try {
    new CloudEvent(attributes, true);
  } catch (cause) {
    const first =
      cause instanceof ValidationError
        ? (cause.errors?.[0] as { instancePath?: string; message?: string })
        : null;
    const place = first?.instancePath ? `attribute ${first.instancePath.slice(1)}: ` : '';
    const problem = first?.message ?? (cause as Error).message.split('\n')[0]!;
    throw new BindingError(400, `${place}${problem}`, { cause });
  }
}

function invalid(name: string, problem: string): never {
  throw new BindingError(400, `attribute ${name}: ${problem}`);
}

/** At most 40 characters, on one line: names come from strangers and end up in replies and logs. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
}

/** Header value to attribute: double quotes undone, then one round of percent-decoding; a stray '%' leaves it as it is. */
export function decodeHeader(value: string): string {
  const unquoted = /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value;
  if (!unquoted.includes('%')) return unquoted;
  try {
    return decodeURIComponent(unquoted);
  } catch {
    return unquoted;
  }
}

/** Attribute to header value: everything but printable ASCII percent-encoded, and space, double quote and '%'. */
export function encodeHeader(value: string | number | boolean): string {
  const text = String(value);
  if (/^[!#$&-~]*$/.test(text)) return text;
  return text.replace(/[^!#$&-~]/gu, (character) => percentEncoded(character));
}

function percentEncoded(character: string) {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
