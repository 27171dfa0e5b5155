// Fetches one large file, going on where it stopped when the connection is cut; models.ts calls it.
import { mkdir, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { PermanentError, TransientError } from '../function.ts';
import { guardFor, type AddressGuard } from './addressGuard.ts';
import { explain, isDiskError, refuse } from './downloadErrors.ts';
import { takeLock } from './fileLock.ts';
import { redact } from './redact.ts';

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
  /** Addresses it may come from; by default as MEI_DOWNLOAD_NETWORKS and MEI_DOWNLOAD_HOSTS say. */
  guard?: AddressGuard;
}

const defaults = { maxBytes: 512 * 2 ** 20, stallMs: 30_000, totalMs: 30 * 60_000, pauseMs: 500 };
/** Attempts in a row that bring nothing new. */
const maxVainAttempts = 4;

type Limits = DownloadOptions & typeof defaults;
type Connected = Limits & { signal: AbortSignal; dispatcher: Agent };

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
  const guard = options.guard ?? guardFor('download');
  checkAddress(what, url, guard);
  const dispatcher = new Agent({ connect: { lookup: guard.lookup } });
  const deadline = AbortSignal.timeout(limits.totalMs);
  const signal = limits.signal === undefined ? deadline : AbortSignal.any([limits.signal, deadline]);
  try {
    await mkdir(dirname(partPath), { recursive: true });
    const release = await takeLock(`${partPath}.lock`);
    const path = release === undefined ? `${partPath}.${process.pid}` : partPath;
    try {
      await fetchInAttempts(what, url, path, { ...limits, signal, dispatcher });
    } finally {
      await release?.();
    }
    return path;
  } catch (error) {
    limits.signal?.throwIfAborted();
    if (deadline.aborted)
      throw new TransientError(`${what}: ${redact(url)} was not fetched within ${limits.totalMs} ms`, {
        cause: error,
      });
    throw explain(error, what, redact(url), partPath);
  } finally {
    await dispatcher.destroy();
  }
}

/** @throws PermanentError */
function checkAddress(what: string, url: string, guard: AddressGuard): void {
  if (!URL.canParse(url)) throw new PermanentError(`${what}: ${redact(url)} is not a valid URL`);
  const { username, password, protocol, hostname } = new URL(url);
  if (username !== '' || password !== '')
    throw new PermanentError(`${what}: ${redact(url)} holds a user name or password: remove them`);
  try {
    guard.check({ protocol, hostname });
  } catch (error) {
    throw new PermanentError(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

async function fetchInAttempts(what: string, url: string, path: string, limits: Connected) {
  for (let vain = 0, pauseMs = limits.pauseMs; ; pauseMs *= 2) {
    const before = await sizeOf(path);
    try {
      return await attempt(what, url, path, before, limits);
    } catch (error) {
      limits.signal.throwIfAborted();
      const { cause } = error as Error;
      if (cause instanceof PermanentError) throw new PermanentError(`${what}: ${cause.message}`, { cause });
      if (error instanceof PermanentError || isDiskError(error)) throw error;
      if ((await sizeOf(path)) > before) [vain, pauseMs] = [0, limits.pauseMs];
      if (++vain >= maxVainAttempts) throw error;
    }
    await wait(pauseMs, undefined, { signal: limits.signal });
  }
}

/** One request for what is still missing. */
async function attempt(what: string, url: string, path: string, have: number, limits: Connected) {
  const place = redact(url);
  const stalled = new AbortController();
  const watchdog = setTimeout(
    () => stalled.abort(new Error(`no answer for ${limits.stallMs} ms`)),
    limits.stallMs,
  );
  const signal = AbortSignal.any([limits.signal, stalled.signal]);
  let file: FileHandle | undefined;
  try {
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    // Where a redirect leads nobody has checked, and nobody who wrote the task has meant.
    const response = await fetch(url, { signal, headers, redirect: 'manual', dispatcher: limits.dispatcher });
    if (response.status === 416) {
      await response.body?.cancel();
      await rm(path, { force: true });
      throw new TransientError(`${what}: ${place} refuses to go on at byte ${have}`);
    }
    if (!response.ok) await refuse(what, place, response);
    const goesOn = response.status === 206 && startOf(response) === have;
    let bytes = goesOn ? have : 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total =
      Number.isFinite(length) && !response.headers.get('content-encoding') ? bytes + length : undefined;
    if ((total ?? 0) > limits.maxBytes) throw tooLarge(what, place, limits.maxBytes);
    if (response.status === 206 && !goesOn)
      throw new TransientError(`${what}: ${place} sent another part than asked for`);
    file = await open(path, goesOn ? 'a' : 'w');
    for await (const chunk of response.body ?? []) {
      watchdog.refresh();
      bytes += (chunk as Uint8Array).byteLength;
      if (bytes > limits.maxBytes) throw tooLarge(what, place, limits.maxBytes);
      await file.writeFile(chunk as Uint8Array);
      limits.onProgress?.(bytes, total);
    }
    if (total !== undefined && bytes < total)
      throw new TransientError(`${what}: ${place} ended at byte ${bytes} of ${total}`);
    await file.sync();
  } finally {
    clearTimeout(watchdog);
    await file?.close();
  }
}

function startOf(response: { headers: { get(name: string): string | null } }): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

function tooLarge(what: string, url: string, maxBytes: number): PermanentError {
  return new PermanentError(`${what}: ${url} is larger than ${maxBytes} bytes: it is not fetched`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
