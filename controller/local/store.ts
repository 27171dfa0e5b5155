// What a node remembers of its tasks, on its disk: so that it starts and restarts without the cloud. receive.ts writes it,
// the routes for workers read it.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { TransientError } from '../errors.ts';
import type { Share, TaskRef } from '../link/events.ts';

/** A worker's configuration as JSON, and the tag that changes with it. */
export interface StoredConfig {
  task: TaskRef;
  text: string;
  tag: string;
  /** What the workers of the task know each other by, the one to show in front; none when only an older controller told of it. */
  tokens: string[];
}

interface Known {
  task: TaskRef;
  digest: string;
  tokens: string[];
  /** Each by the name of the worker. */
  configs: Map<string, StoredConfig>;
  sinks: Map<string, Record<string, string>>;
  /** URLs of Brokers. */
  brokers: Set<string>;
}

type Row = Omit<TaskRef, 'generation'> & {
  generation: number;
  digest: string;
  workers: string;
  tokens: string;
};

const schema = `
  CREATE TABLE IF NOT EXISTS tasks (
    uid TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL,
    digest TEXT NOT NULL, workers TEXT NOT NULL, tokens TEXT NOT NULL DEFAULT '[]', UNIQUE (namespace, name)
  ) STRICT`;

export class TaskStore {
  readonly #database: Database.Database;
  /** All of it: a node has few tasks, and workers ask often. */
  readonly #tasks = new Map<string, Known>();

  /** @throws TransientError that names the folder */
  constructor(folder: string, onDamaged: (movedTo: string) => void) {
    this.#database = guarded(folder, () => openDatabase(folder, onDamaged));
    for (const row of this.#database.prepare('SELECT * FROM tasks').all() as Row[]) this.#remember(row);
  }

  tasks(): TaskRef[] {
    return [...this.#tasks.values()].map(({ task }) => task);
  }

  digestOf(uid: string): string | undefined {
    return this.#tasks.get(uid)?.digest;
  }

  generationOf(uid: string): number | undefined {
    return this.#tasks.get(uid)?.task.generation;
  }

  workersOf(uid: string): string[] {
    return [...(this.#tasks.get(uid)?.configs.keys() ?? [])];
  }

  /** The configurations of all workers of that name: more than one only when tasks of several namespaces use it. */
  configs(worker: string): StoredConfig[] {
    return [...this.#tasks.values()].flatMap(({ configs }) => configs.get(worker) ?? []);
  }

  /** Where the worker's events of a type go; undefined: nowhere, or the task is not known here. */
  sinkOf(uid: string, worker: string, type: string): string | undefined {
    const sinks = this.#tasks.get(uid)?.sinks.get(worker) ?? {};
    return Object.hasOwn(sinks, type) ? sinks[type] : undefined;
  }

  /** What is shown to whoever is at this URL: nothing when it is no worker of a task of this node, such as a Broker. */
  tokensFor(url: string): readonly string[] {
    for (const { sinks, brokers, tokens } of this.#tasks.values())
      if (!brokers.has(url) && [...sinks.values()].some((each) => Object.values(each).includes(url)))
        return tokens;
    return [];
  }

  /** Durable when it returns; an earlier task of the same name is gone. @throws TransientError */
  put({ task, digest, workers, tokens }: Share): void {
    const row: Row = { ...task, digest, workers: JSON.stringify(workers), tokens: JSON.stringify(tokens) };
    guarded(this.#database.name, () =>
      this.#database.transaction(() => {
        this.#database
          .prepare('DELETE FROM tasks WHERE uid = ? OR (namespace = ? AND name = ?)')
          .run(task.uid, task.namespace, task.name);
        this.#database
          .prepare(
            'INSERT INTO tasks (uid, namespace, name, generation, digest, workers, tokens) VALUES (?, ?, ?, ?, ?, ?, ?)',
          )
          .run(task.uid, task.namespace, task.name, task.generation, digest, row.workers, row.tokens);
      })(),
    );
    for (const [uid, { task: other }] of this.#tasks)
      if (other.namespace === task.namespace && other.name === task.name) this.#tasks.delete(uid);
    this.#remember(row);
  }

  /** Durable when it returns. @throws TransientError */
  remove(uids: readonly string[]): void {
    guarded(this.#database.name, () =>
      this.#database.transaction(() => {
        for (const uid of uids) this.#database.prepare('DELETE FROM tasks WHERE uid = ?').run(uid);
      })(),
    );
    for (const uid of uids) this.#tasks.delete(uid);
  }

  close(): void {
    this.#database.close();
  }

  #remember({ uid, namespace, name, generation, digest, workers, ...row }: Row): void {
    const task = { namespace, name, uid, generation };
    const tokens = JSON.parse(row.tokens) as string[];
    const known: Known = { task, digest, tokens, configs: new Map(), sinks: new Map(), brokers: new Set() };
    for (const config of JSON.parse(workers) as Share['workers']) {
      const {
        sinks = {},
        direct = {},
        broker,
      } = config as { sinks?: Record<string, string>; direct?: Record<string, string>; broker?: string };
      // A local controller speaks no NATS.
      known.sinks.set(config.worker, { ...sinks, ...direct });
      if (broker !== undefined) known.brokers.add(broker);
      const text = JSON.stringify(config);
      const tag = createHash('sha256').update(text).digest('base64url').slice(0, 22);
      known.configs.set(config.worker, { task, text, tag, tokens });
    }
    this.#tasks.set(uid, known);
  }
}

function openDatabase(folder: string, onDamaged: (movedTo: string) => void): Database.Database {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'tasks.db');
  try {
    return prepared(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    // A node that cannot start until somebody mends a file is worse than one that asks the cloud again.
    const movedTo = `${file}.damaged`;
    for (const suffix of ['-wal', '-shm', '']) moveAway(`${file}${suffix}`, `${movedTo}${suffix}`);
    onDamaged(movedTo);
    return prepared(file);
  }
}

function prepared(file: string): Database.Database {
  const database = new Database(file);
  try {
    database.pragma('journal_mode = WAL');
    // Acknowledged means stored, also when the power fails.
    database.pragma('synchronous = FULL');
    database.exec(schema);
    addColumn(database);
    chmodSync(file, 0o600);
    const [row] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
    if (row?.quick_check !== 'ok') throw new Error(`damaged: ${row?.quick_check}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** To a file of a version that knew no tokens. */
function addColumn(database: Database.Database): void {
  const columns = database.prepare('PRAGMA table_info(tasks)').all() as { name: string }[];
  if (columns.every(({ name }) => name !== 'tokens'))
    database.exec(`ALTER TABLE tasks ADD COLUMN tokens TEXT NOT NULL DEFAULT '[]'`);
}

function isDamage(error: unknown): boolean {
  return /damaged|malformed|not a database|corrupt/i.test((error as Error).message);
}

function moveAway(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function guarded<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new TransientError(`the store of tasks in ${place} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}
