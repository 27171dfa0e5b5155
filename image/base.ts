// The layer below the project's own: Node and the libraries that it and the native packages load. build.ts writes it.
import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TarEntry } from './tar.ts';

/** The user of the image: not root, and the number that manifests ask for. */
export const userId = 65532;

export interface Base {
  nodePath: string;
  /** Path in the image, without a leading slash -> file of this machine. */
  libraries: ReadonlyMap<string, string>;
}

const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** Node at /usr/bin/node, shared libraries where the loader looks, and the few files of /etc that name lookups read. */
export function baseEntries({ nodePath, libraries }: Base): TarEntry[] {
  const texts: Record<string, string> = {
    'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${userId}:${userId}:nonroot:/tmp:/sbin/nologin\n`,
    'etc/group': `root:x:0:\nnonroot:x:${userId}:\n`,
    'etc/nsswitch.conf': 'hosts: files dns\n',
  };
  const files: TarEntry[] = [
    fileEntry('usr/bin/node', nodePath, 0o755),
    ...[...libraries].sort().map(([path, file]) => fileEntry(path, file, 0o755)),
    ...(existsSync(certificates) ? [fileEntry(certificates.slice(1), certificates, 0o644)] : []),
    ...Object.entries(texts).map(([path, text]) => ({ path, mode: 0o644, content: Buffer.from(text) })),
  ];
  return [...foldersOf(files.map(({ path }) => path)), { path: 'tmp/', mode: 0o1777 }, ...files];
}

/** This machine's own Node, and the libraries that it and these files load here. */
export function ownBase(nativeFiles: readonly string[]): Base {
  const nodePath = process.execPath;
  const paths = sharedLibraries([nodePath, ...nativeFiles]);
  return { nodePath, libraries: new Map(paths.map((path) => [path.slice(1), path])) };
}

/** Absolute paths of what the dynamic loader would load from the system for these files. */
export function sharedLibraries(files: readonly string[]): string[] {
  const found = new Set<string>();
  for (const file of files) {
    const answer = execFileSync('ldd', [file], { encoding: 'utf8', timeout: 30_000 });
    // Such as `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)`, or the loader's own path alone.
    for (const [, path] of answer.matchAll(/(?:=>)?\s(\/(?:usr\/)?lib[^\s]*)\s\(/g)) found.add(path!);
    const missing = /^\s*(\S+) => not found/m.exec(answer);
    if (missing !== null) throw new Error(`${file} needs ${missing[1]}, which this machine does not have`);
  }
  return [...found].sort();
}

/** An entry with the content of a file, whatever links lead to it. */
export function fileEntry(path: string, file: string, mode: number): TarEntry {
  const real = realpathSync(file);
  return { path, mode, content: { file: real, size: statSync(real).size } };
}

/** The folders above the paths, outer ones first. */
export function foldersOf(paths: string[]): TarEntry[] {
  const folders = new Set<string>();
  for (const path of paths)
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(`${folder}/`);
  return [...folders].sort().map((path) => ({ path, mode: 0o755 }));
}
