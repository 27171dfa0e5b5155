// What a program or library says of itself: which processor it is for and what it loads. debian.ts asks it where ldd cannot run.
import { closeSync, openSync, readSync } from 'node:fs';

export interface ElfFacts {
  /** As Node names it: x64, arm64; undefined for others. */
  cpu: string | undefined;
  /** Path of the loader; libraries have none. */
  interpreter?: string;
  /** Names of the libraries that the loader looks for. */
  needed: string[];
}

const processors: Record<number, string> = { 0x3e: 'x64', 0xb7: 'arm64' };
const [load, dynamic, interpreter] = [1, 2, 3];
const [neededTag, namesTag] = [1, 5];
const longestName = 512;

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** Undefined when it is no ELF file of 64 bits, little-endian. Reads only the parts that matter of it. */
export function elfFacts(file: string): ElfFacts | undefined {
  const handle = openSync(file, 'r');
  try {
    const at = (offset: number, length: number) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(handle, bytes, 0, length, offset));
    };
    const head = at(0, 64);
    if (head.length < 64 || head.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
    const segments = segmentsOf(head, at);
    const loader = segments.find(({ type }) => type === interpreter);
    const cpu = processors[head.readUInt16LE(18)];
    const needed = neededBy(segments, at);
    return { cpu, needed, ...(loader && { interpreter: textAt(at, loader.offset) }) };
  } finally {
    closeSync(handle);
  }
}

type Reader = (offset: number, length: number) => Buffer;

function segmentsOf(head: Buffer, at: Reader): Segment[] {
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  const table = at(Number(head.readBigUInt64LE(32)), size * count);
  return Array.from({ length: count }, (_, index) => ({
    type: table.readUInt32LE(index * size),
    offset: Number(table.readBigUInt64LE(index * size + 8)),
    address: Number(table.readBigUInt64LE(index * size + 16)),
    size: Number(table.readBigUInt64LE(index * size + 32)),
  }));
}

function neededBy(segments: Segment[], at: Reader): string[] {
  const section = segments.find(({ type }) => type === dynamic);
  if (!section) return [];
  const bytes = at(section.offset, section.size);
  const entries = Array.from({ length: Math.floor(bytes.length / 16) }, (_, index) => ({
    tag: Number(bytes.readBigUInt64LE(index * 16)),
    value: Number(bytes.readBigUInt64LE(index * 16 + 8)),
  }));
  const address = entries.find(({ tag }) => tag === namesTag)?.value ?? 0;
  const home = segments.find(
    ({ type, address: start, size }) => type === load && address >= start && address < start + size,
  );
  if (!home) return [];
  const names = address - home.address + home.offset;
  return entries.filter(({ tag }) => tag === neededTag).map(({ value }) => textAt(at, names + value));
}

function textAt(at: Reader, offset: number): string {
  const bytes = at(offset, longestName);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
