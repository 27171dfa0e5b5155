// Erases one person from the folder of a run that has ended: the store, then every file. forget.ts and console.ts call it.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { ErasedChange } from '../config/events.ts';
import type { Erased } from '../config/queries/answers.ts';
import { NotFoundError } from '../functions/function.ts';
import { isSameLease, openLease } from '../functions/match/lease.ts';
import { openStore } from '../functions/match/store.ts';
import { forgetFiles } from './forgetFiles.ts';
import { forgetOutboxes } from './forgetOutboxes.ts';
import { exitCodes, UserError } from './userError.ts';

/** @param folder with a store @throws UserError for somebody who is not known, and while a worker has the store */
export async function forgetInRun(folder: string, identity: string): Promise<Erased> {
  const lease = openLease(folder);
  try {
    const epoch = await takeLease(lease, folder);
    try {
      return await eraseIn(folder, identity, epoch);
    } finally {
      lease.release(epoch);
    }
  } finally {
    lease.close();
  }
}

async function eraseIn(folder: string, identity: string, epoch: number): Promise<Erased> {
  const store = openStore(folder, epoch);
  try {
    const { newest } = store.heard() ?? { newest: store.totals().lastSeen ?? Date.now() / 1000 };
    const known = store.untoldErasures().map(({ change }) => change);
    const erased = eraseUnlessDone(identity, known, () => store.erase(identity, newest));
    // Told once all files are done: whoever is stopped before begins here again.
    for (const { sequence, change } of store.untoldErasures()) {
      await forgetFiles(folder, change);
      forgetOutboxes(join(folder, 'outbox'), change.tracks);
      store.erasureTold(sequence);
    }
    store.compact();
    return erased;
  } finally {
    store.close();
  }
}

/** An erasure that was stopped halfway is gone on with. */
function eraseUnlessDone(identity: string, known: readonly ErasedChange[], erase: () => Erased): Erased {
  try {
    return erase();
  } catch (error) {
    const done = known.find((change) => change.identity === identity || change.names.includes(identity));
    if (error instanceof NotFoundError && done)
      return {
        identity: done.identity,
        names: done.names,
        tracks: done.tracks.length,
        vectors: 0,
        pictures: 0,
        targets: [],
      };
    if (error instanceof NotFoundError)
      throw new UserError(error.message, exitCodes.badInput, { cause: error });
    throw error;
  }
}

/** @throws UserError while a worker has the store */
async function takeLease(lease: ReturnType<typeof openLease>, folder: string): Promise<number> {
  const seen = lease.state();
  // Whoever has it shows every second that it is alive.
  if (seen && seen.holder !== '') await sleep(3500);
  const epoch = isSameLease(lease.state(), seen) ? lease.take('mei forget', seen) : undefined;
  if (epoch !== undefined) return epoch;
  throw new UserError(
    `${folder}: the run goes on: stop it first, or give --url with the address that \`mei run\` printed`,
  );
}
