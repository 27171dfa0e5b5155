// What files of an image are, found out without the code that made it; image.test.ts and platforms.test.ts ask.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of libraries and native modules below a folder. */
export function nativeFiles(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => /\.node$|\.so(\.\d+)*$/.test(path)).sort();
}

/** Of each ELF file below a folder, whatever its name, the processor; links are not followed. */
export function machinesIn(folder: string): Map<string, string | undefined> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.filter((file) => isElf(file)).map((file) => [file, machineOf(file)]));
}

const machines: Record<number, string> = { 0x3e: 'x64', 0xb7: 'arm64' };

/** What the head of an ELF file says; undefined for other files and other processors. */
export function machineOf(file: string): string | undefined {
  return isElf(file) ? machines[readFileSync(file).readUInt16LE(18)] : undefined;
}

function isElf(file: string): boolean {
  return statSync(file).size > 64 && readFileSync(file).toString('latin1', 0, 4) === '\x7fELF';
}
