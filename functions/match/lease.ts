// Who may write into a task's store: one worker at a time, whose writes carry the number of its term (see store.ts).
// ownership.ts contends for it. Nobody's clock is compared with another's: a lease is over when it was not renewed for a while.
import { guarded, openDatabase, type StoreDatabase, type StorePlace } from './database.ts';
import { LeaseLostError } from './termErrors.ts';

export { LeaseLostError } from './termErrors.ts';

export interface LeaseState {
  /** Name of the worker; empty: it gave the lease back. */
  holder: string;
  /** Number of the term; grows with every holder. */
  epoch: number;
  /** Changes whenever the holder shows that it is alive. */
  beat: number;
}

/** All of them throw TransientError while the store cannot be reached. */
export interface Lease {
  /** Undefined while nobody ever had it. */
  state(): LeaseState | undefined;
  /** Begins a term when the lease is still as it was seen. @returns its number; undefined when somebody was faster */
  take(holder: string, seen: LeaseState | undefined): number | undefined;
  /** @returns false when the term is over */
  renew(epoch: number): boolean;
  /** Lets others begin at once. */
  release(epoch: number): void;
  close(): void;
}

/** The lease of a store. @throws TransientError that names the place */
export function openLease(place: StorePlace): Lease {
  // What is lost in a power cut are terms of processes that are gone too, so that no write has to wait for the disk.
  const database = openDatabase(place, { synchronous: 'NORMAL', busyTimeoutMs: 500 });
  const read = database.prepare('SELECT holder, epoch, beat FROM lease');
  const write = database.prepare(
    `INSERT INTO lease (id, holder, epoch, beat) VALUES (1, ?, ?, 0)
     ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, beat = 0`,
  );
  const beat = database.prepare('UPDATE lease SET beat = beat + 1 WHERE epoch = ?');
  const leave = database.prepare(`UPDATE lease SET holder = '' WHERE epoch = ?`);

  function state(): LeaseState | undefined {
    const row = read.get() as LeaseState | undefined;
    return row && { holder: row.holder, epoch: row.epoch, beat: row.beat };
  }

  const take = database.transaction((holder: string, seen: LeaseState | undefined) => {
    // As SQLite does for the whole file: whoever writes is waited for, and what it says of its term afterwards is the new one.
    if (database.engine) database.exec('LOCK TABLE lease IN EXCLUSIVE MODE');
    const now = state();
    if (!isSameLease(now, seen)) return undefined;
    const epoch = (now?.epoch ?? 0) + 1;
    write.run(holder, epoch);
    return epoch;
  });

  return {
    state: () => guarded(place, state),
    take: (holder, seen) => guarded(place, () => take.immediate(holder, seen)),
    renew: (epoch) => guarded(place, () => beat.run(epoch).changes === 1),
    release: (epoch) => guarded(place, () => void leave.run(epoch)),
    close: () => void database.close(),
  };
}

export function isSameLease(one: LeaseState | undefined, other: LeaseState | undefined): boolean {
  return one?.holder === other?.holder && one?.epoch === other?.epoch && one?.beat === other?.beat;
}

/** @returns what throws LeaseLostError unless the term is the newest; to be called within the transaction that writes */
export function fenceOf(database: StoreDatabase, epoch: number | undefined): () => void {
  // On a server the row is held until the transaction is over, so that no other term begins within it.
  const read = database.prepare(`SELECT holder, epoch FROM lease${database.engine ? ' FOR SHARE' : ''}`);
  return () => {
    const now = read.get() as Pick<LeaseState, 'holder' | 'epoch'> | undefined;
    if (now?.epoch === epoch) return;
    throw new LeaseLostError(`the task is in the hands of ${now?.holder || 'another worker'}`, {
      retryAfterMs: 1000,
    });
  };
}
