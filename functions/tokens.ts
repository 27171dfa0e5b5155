// What bearer tokens look like and how they are compared: host/ for those of cameras and tasks, console/ for those of people.
import { createHash } from 'node:crypto';

/** Shorter ones can be guessed. */
const shortest = 16;
const longest = 1024;

export const tokenForm = `${shortest} to ${longest} visible ASCII characters`;

export function isToken(text: string): boolean {
  return text.length >= shortest && text.length <= longest && !/[^\x21-\x7e]/.test(text);
}

/** Hashes, because digests of one length can be compared in a time that says nothing. */
export function digestOfToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
