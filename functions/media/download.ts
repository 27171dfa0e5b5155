// Fetches one large file, going on where it stopped when the connection is cut; models.ts calls it.
import { mkdir, open, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PermanentError, TransientError } from '../function.ts';

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Called as bytes arrive; `total` is absent when the server does not say. */
  onProgress?: (bytes: number, total?: number) => void;
  /** Larger files are refused. */
  maxBytes?: number;
  /** Longest silence of the server before it counts as cut, milliseconds. */
  stallMs?: number;
  /** All attempts together take no longer, milliseconds. */
  totalMs?: number;
  /** First pause between two attempts, milliseconds; each next one is twice as long. */
  pauseMs?: number;
}

const defaults = { maxBytes: 512 * 2 ** 20, stallMs: 30_000, totalMs: 30 * 60_000, pauseMs: 500 };
/** Attempts in a row that bring nothing new. */
const maxVainAttempts = 4;

type Limits = DownloadOptions & typeof defaults;

/**
 * Fetches `url` into `partPath`, or beside it while another process is at it; returns the path of the complete file.
 * What has arrived stays for the next call. Throws PermanentError (refused, too large, disk) or TransientError (network).
 */
export async function download(
  what: string,
  url: string,
  partPath: string,
  options: DownloadOptions = {},
): Promise<string> {
  const limits = { ...defaults, ...withoutUndefined(options) };
  const deadline = AbortSignal.timeout(limits.totalMs);
  const signal = limits.signal === undefined ? deadline : AbortSignal.any([limits.signal, deadline]);
  try {
    await mkdir(dirname(partPath), { recursive: true });
    const lock = await takeLock(`${partPath}.lock`, limits.stallMs);
    const path = lock === undefined ? `${partPath}.${process.pid}` : partPath;
    try {
      await fetchInAttempts(what, url, path, { ...limits, signal });
    } finally {
      await lock?.close();
      if (lock !== undefined) await rm(`${partPath}.lock`, { force: true });
    }
    return path;
  } catch (error) {
    throw named(error, what, url, limits, deadline);
  }
}

async function fetchInAttempts(
  what: string,
  url: string,
  path: string,
  limits: Limits & { signal: AbortSignal },
) {
  for (let vain = 0, pauseMs = limits.pauseMs; ; pauseMs *= 2) {
    const before = await sizeOf(path);
    try {
      return await attempt(what, url, path, before, limits);
    } catch (error) {
      limits.signal.throwIfAborted();
      if (error instanceof PermanentError || isDiskError(error)) throw error;
      if ((await sizeOf(path)) > before) [vain, pauseMs] = [0, limits.pauseMs];
      if (++vain >= maxVainAttempts) throw error;
    }
    await wait(pauseMs, undefined, { signal: limits.signal });
  }
}

/** One request for what is still missing. */
async function attempt(
  what: string,
  url: string,
  path: string,
  have: number,
  limits: Limits & { signal: AbortSignal },
) {
  const stalled = new AbortController();
  const watchdog = setTimeout(
    () => stalled.abort(new Error(`no answer for ${limits.stallMs} ms`)),
    limits.stallMs,
  );
  const signal = AbortSignal.any([limits.signal, stalled.signal]);
  let file: FileHandle | undefined;
  try {
    const response = await fetch(url, { signal, headers: have > 0 ? { range: `bytes=${have}-` } : {} });
    if (response.status === 416) {
      await response.body?.cancel();
      await rm(path, { force: true });
      throw new TransientError(`${what}: ${url} refuses to go on at byte ${have}`);
    }
    if (!response.ok) await refuse(what, url, response);
    const goesOn = response.status === 206 && startOf(response) === have;
    let bytes = goesOn ? have : 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total =
      Number.isFinite(length) && !response.headers.get('content-encoding') ? bytes + length : undefined;
    if ((total ?? 0) > limits.maxBytes) throw tooLarge(what, url, limits.maxBytes);
    if (response.status === 206 && !goesOn)
      throw new TransientError(`${what}: ${url} sent another part than asked for`);
    file = await open(path, goesOn ? 'a' : 'w');
    for await (const chunk of response.body ?? []) {
      watchdog.refresh();
      bytes += (chunk as Uint8Array).byteLength;
      if (bytes > limits.maxBytes) throw tooLarge(what, url, limits.maxBytes);
      await file.writeFile(chunk as Uint8Array);
      limits.onProgress?.(bytes, total);
    }
    if (total !== undefined && bytes < total)
      throw new TransientError(`${what}: ${url} ended at byte ${bytes} of ${total}`);
    await file.sync();
  } finally {
    clearTimeout(watchdog);
    await file?.close();
  }
}

async function refuse(what: string, url: string, response: Response): Promise<never> {
  await response.body?.cancel();
  const message = `${what}: ${url} answers ${response.status} ${response.statusText}`.trimEnd();
  if (response.status >= 500 || response.status === 429 || response.status === 408)
    throw new TransientError(message);
  throw new PermanentError(`${message}: check the address`);
}

function startOf(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

function tooLarge(what: string, url: string, maxBytes: number): PermanentError {
  return new PermanentError(`${what}: ${url} is larger than ${maxBytes} bytes: it is not fetched`);
}

/** Undefined while another process holds the lock; one that was left behind is taken over. */
async function takeLock(path: string, staleMs: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    if (Date.now() - mtimeMs < staleMs * 4) return undefined;
    await utimes(path, new Date(), new Date()).catch(() => undefined);
    return open(path, 'w');
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}

const diskErrors: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'it must not be written',
  EPERM: 'it must not be written',
  EROFS: 'it must not be written',
};

function isDiskError(error: unknown): boolean {
  return ((error as NodeJS.ErrnoException).code ?? '') in diskErrors;
}

function named(error: unknown, what: string, url: string, limits: Limits, deadline: AbortSignal): Error {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  if (limits.signal?.aborted) return error as Error;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (isDiskError(error))
    return new PermanentError(`${what}: ${path ?? 'the cache'} cannot be written: ${diskErrors[code!]}`, {
      cause: error,
    });
  if (deadline.aborted)
    return new TransientError(`${what}: ${url} was not fetched within ${limits.totalMs} ms`, {
      cause: error,
    });
  const reason = ((error as Error).cause as Error | undefined)?.message ?? message;
  return new TransientError(`${what}: ${url} cannot be fetched: ${reason}`, { cause: error });
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
