// Writes tar archives (ustar) file by file: the layers of the image, and the image itself.
import { createReadStream } from 'node:fs';

export interface TarEntry {
  /** Path in the archive, without a leading slash; folders end with one. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** A file of this machine, or the content itself; absent for folders and links. */
  content?: { file: string; size: number } | Buffer;
  /** Target of a symbolic link. */
  link?: string;
}

const block = 512;

/** The archive, piece by piece. Owner root and time 0, so that equal content gives equal bytes. */
export async function* tarOf(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const { content } = entry;
    const size = content === undefined ? 0 : Buffer.isBuffer(content) ? content.length : content.size;
    yield header(entry, size);
    if (content === undefined) continue;
    if (Buffer.isBuffer(content)) yield content;
    else yield* wholeFile(content.file, size);
    yield Buffer.alloc((block - (size % block)) % block);
  }
  yield Buffer.alloc(2 * block);
}

async function* wholeFile(file: string, size: number): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    read += chunk.length;
    yield chunk;
  }
  if (read !== size) throw new Error(`${file} changed while it was read: build again`);
}

function header({ path, mode, link }: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  const [prefix, name] = split(path);
  bytes.write(name, 0);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(' '.repeat(8), 148);
  bytes.write(link !== undefined ? '2' : path.endsWith('/') ? '5' : '0', 156);
  if (link !== undefined) bytes.write(link, 157);
  bytes.write('ustar\u000000', 257);
  bytes.write(prefix, 345);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

/** ustar has room for 155 bytes of folders and 100 of the rest. */
function split(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155 && name !== '')
      return [prefix, name];
  }
  throw new Error(`${path} is too long for a tar archive`);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
