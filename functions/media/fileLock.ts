// Lets one process at a time write a file, so that two workers never mix their downloads; download.ts takes it.
import { open, rm, stat, utimes } from 'node:fs/promises';

const heartbeatMs = 5_000;
/** A lock whose owner has been silent for so long was left behind by a crash. */
const staleMs = 4 * heartbeatMs;

/** Undefined while another process holds the lock, else what gives it back. */
export async function takeLock(path: string): Promise<(() => Promise<void>) | undefined> {
  if (!(await create(path))) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    if (Date.now() - mtimeMs < staleMs) return undefined;
    await rm(path, { force: true });
    if (!(await create(path))) return undefined;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMs).unref();
  return async () => {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  };
}

async function create(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
