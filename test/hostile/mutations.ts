// Hostile input out of good input, the same for the same seed: every fuzzing target draws from here.

/** Numbers that do not repeat soon; each seed gives its own row (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 <= n < most, whole. */
  below(most: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** True once in so many times. */
  onceIn(times: number): boolean {
    return this.below(times) === 0;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** Bytes with a few things wrong: flipped bits, runs cut out, doubled, swapped or replaced by odd lengths, an early end. */
export function mutateBytes(dice: Dice, good: Uint8Array, other: Uint8Array = good): Buffer {
  let bytes = Buffer.from(good);
  for (let changes = 1 + dice.below(6); changes > 0 && bytes.length > 0; changes--) {
    const at = dice.below(bytes.length);
    const run = 1 + dice.below(dice.onceIn(4) ? bytes.length : Math.min(16, bytes.length));
    switch (dice.below(8)) {
      case 0:
        bytes[at]! ^= 1 << dice.below(8);
        break;
      case 1:
        bytes[at] = dice.pick([0, 0xff, 0x7f, 0x80, 0x0a, 0x22]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + run)]);
        break;
      case 3:
        if (bytes.length > 4 * good.length + 4096) break;
        bytes = Buffer.concat([bytes.subarray(0, at + run), bytes.subarray(at)]);
        break;
      case 4:
        dice.bytes(Math.min(run, 64)).copy(bytes, at);
        break;
      case 5:
        if (at + 4 <= bytes.length)
          bytes.writeUInt32BE(dice.pick([0, 1, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]), at);
        break;
      case 6:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(dice.below(other.length))]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

const oddNumbers = [
  0,
  -0,
  -1,
  1.5,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 53) - 2,
  Number.MAX_SAFE_INTEGER,
];
const oddTexts = [
  '',
  ' ',
  '\0',
  '\n',
  '\u2028',
  '\ud800',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '%00',
  '%',
  '${7*7}',
  '{{7*7}}',
  "';--",
  'a'.repeat(5000),
  '€'.repeat(300),
  '9'.repeat(400),
  'NaN',
  'null',
  '0x1F',
  '1e999',
  '2026-13-40T99:99:99Z',
  'http://169.254.169.254/',
  'file:///etc/passwd',
];
const oddKeys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  'length',
  'then',
  'a.b',
  '$ref',
];

/** A JSON value of any shape. */
export function oddValue(dice: Dice, depth = 0): unknown {
  switch (dice.below(depth > 3 ? 5 : 9)) {
    case 0:
      return null;
    case 1:
      return dice.onceIn(2);
    case 2:
      return dice.pick(oddNumbers);
    case 3:
    case 4:
      return dice.pick(oddTexts);
    case 5:
      return Array.from({ length: dice.below(4) }, () => oddValue(dice, depth + 1));
    case 6:
      return nested(dice.below(60), dice.onceIn(2));
    default:
      return withKeys(
        Array.from({ length: dice.below(4) }, () => [dice.pick(oddKeys), oddValue(dice, depth + 1)] as const),
      );
  }
}

function nested(depth: number, asList: boolean): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = asList ? [value] : { a: value };
  return value;
}

/** Keys such as __proto__ become keys, as JSON.parse makes them. */
function withKeys(entries: readonly (readonly [string, unknown])[]): object {
  const value = {};
  for (const [key, field] of entries)
    Object.defineProperty(value, key, { value: field, enumerable: true, configurable: true, writable: true });
  return value;
}

/** A JSON value with one to four places changed: replaced, removed, doubled, or with a key more. */
export function mutateValue(dice: Dice, good: unknown): unknown {
  let value = structuredClone(good);
  for (let changes = 1 + dice.below(4); changes > 0; changes--) value = mutateOnce(dice, value);
  return value;
}

function mutateOnce(dice: Dice, value: unknown): unknown {
  const isContainer = typeof value === 'object' && value !== null;
  const size = isContainer ? Object.keys(value).length : 0;
  if (!isContainer || size === 0 || dice.onceIn(size + 4)) return oddValue(dice);
  if (Array.isArray(value)) {
    const items = value as unknown[];
    const at = dice.below(items.length);
    if (dice.onceIn(5)) return [...items, ...items, items[at]];
    if (dice.onceIn(5)) return items.toSpliced(at, 1);
    return items.with(at, mutateOnce(dice, items[at]));
  }
  const entries = Object.entries(value);
  const at = dice.below(entries.length);
  if (dice.onceIn(6)) return withKeys([...entries, [dice.pick(oddKeys), oddValue(dice)]]);
  if (dice.onceIn(6)) return withKeys(entries.toSpliced(at, 1));
  return withKeys(entries.with(at, [entries[at]![0], mutateOnce(dice, entries[at]![1])]));
}
