// Who may use the console, read from a file that a Secret fills and renews; router.ts asks it for every request.
import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Role } from './types.ts';

/** One line of the file. */
export interface Account {
  name: string;
  role: Role;
  /** Names of tasks, or `*` for all. */
  tasks: readonly string[];
  digest: Buffer;
}

/** How long a file is taken to be unchanged. */
const lookMs = 1000;
const largestBytes = 64 << 10;
const mostAccounts = 256;
/** Shorter ones can be guessed. */
const shortest = 16;
const longest = 1024;

/**
 * Lines `<name> <view|operate> <task,task or *> <token>`; empty lines and those that begin with # say nothing. While the file
 * cannot be read, or any line of it is wrong, nobody has access.
 */
export class AccessFile {
  readonly #path: string;
  readonly #now: () => number;
  #lookedMs = -Infinity;
  #seen = '';
  #accounts: readonly Account[] = [];
  #problem: string | undefined;

  /** @param now milliseconds, of any clock */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  /** Why nobody has access, without the path and without any token; undefined while all is well. */
  get problem(): string | undefined {
    this.#refresh();
    return this.#problem;
  }

  /** Whose token it is, if the task is among theirs; takes as long whichever it is. */
  accountOf(token: string, task: string): Account | undefined {
    this.#refresh();
    const digest = digestOf(token);
    let found: Account | undefined;
    for (const account of this.#accounts) if (timingSafeEqual(account.digest, digest)) found ??= account;
    return found && mayUse(found, task) ? found : undefined;
  }

  named(name: string, task: string): Account | undefined {
    this.#refresh();
    return this.#accounts.find((account) => account.name === name && mayUse(account, task));
  }

  /** A Secret is replaced as a whole, by another file behind the same path. */
  #refresh(): void {
    const now = this.#now();
    if (now - this.#lookedMs < lookMs) return;
    this.#lookedMs = now;
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#path);
      const seen = [ino, size, mtimeMs, ctimeMs].join();
      if (seen === this.#seen) return;
      this.#accounts = accountsIn(readText(this.#path));
      this.#problem = undefined;
      this.#seen = seen;
    } catch (error) {
      // Whatever was known may have been withdrawn.
      this.#accounts = [];
      this.#seen = '';
      this.#problem = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    }
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function mayUse({ tasks }: Account, task: string): boolean {
  return tasks.includes('*') || tasks.includes(task);
}

function readText(path: string): string {
  const file = openSync(path, 'r');
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is not a file');
    const bytes = Buffer.alloc(largestBytes + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    if (length > largestBytes) throw new Error(`it has more than ${largestBytes} bytes`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

/** @throws Error that names the line and never what is in it */
export function accountsIn(text: string): Account[] {
  const accounts: Account[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0]!.startsWith('#')) continue;
    const wrong = (what: string) => new Error(`line ${index + 1}: ${what}`);
    const [name, role, tasks, token] = words;
    if (words.length !== 4) throw wrong('write name, view or operate, tasks or *, and a token');
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name!)) throw wrong('names consist of A-Z a-z 0-9 . _ -');
    if (accounts.some((account) => account.name === name)) throw wrong('the name is there twice');
    if (role !== 'view' && role !== 'operate') throw wrong('the role is view or operate');
    if (token!.length < shortest || token!.length > longest || /[^\x21-\x7e]/.test(token!))
      throw wrong(`a token has ${shortest} to ${longest} visible ASCII characters`);
    accounts.push({ name: name!, role, tasks: tasks!.split(','), digest: digestOf(token!) });
  }
  if (accounts.length === 0) throw new Error('it names nobody');
  if (accounts.length > mostAccounts) throw new Error(`it names more than ${mostAccounts}`);
  return accounts;
}
