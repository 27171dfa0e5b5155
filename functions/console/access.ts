// Who may use the console, read from a file that a Secret fills and renews; router.ts asks it for every request.
import { timingSafeEqual } from 'node:crypto';
import { RenewedFile } from '../renewedFile.ts';
import { digestOfToken, isToken, tokenForm } from '../tokens.ts';
import type { Role } from './types.ts';

/** One line of the file. */
export interface Account {
  name: string;
  role: Role;
  /** Names of tasks, or `*` for all. */
  tasks: readonly string[];
  digest: Buffer;
}

const mostAccounts = 256;

/**
 * Lines `<name> <view|operate> <task,task or *> <token>`; empty lines and those that begin with # say nothing. While the file
 * cannot be read, or any line of it is wrong, nobody has access.
 */
export class AccessFile {
  readonly #file: RenewedFile<readonly Account[]>;

  /** @param now milliseconds, of any clock */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#file = new RenewedFile<readonly Account[]>(path, accountsIn, [], now);
  }

  /** Why nobody has access, without the path and without any token; undefined while all is well. */
  get problem(): string | undefined {
    return this.#file.problem;
  }

  /** Whose token it is, if the task is among theirs; takes as long whichever it is. */
  accountOf(token: string, task: string): Account | undefined {
    const digest = digestOfToken(token);
    let found: Account | undefined;
    for (const account of this.#file.value) if (timingSafeEqual(account.digest, digest)) found ??= account;
    return found && mayUse(found, task) ? found : undefined;
  }

  named(name: string, task: string): Account | undefined {
    return this.#file.value.find((account) => account.name === name && mayUse(account, task));
  }
}

function mayUse({ tasks }: Account, task: string): boolean {
  return tasks.includes('*') || tasks.includes(task);
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
    if (!isToken(token!)) throw wrong(`a token has ${tokenForm}`);
    accounts.push({ name: name!, role, tasks: tasks!.split(','), digest: digestOfToken(token!) });
  }
  if (accounts.length === 0) throw new Error('it names nobody');
  if (accounts.length > mostAccounts) throw new Error(`it names more than ${mostAccounts}`);
  return accounts;
}
