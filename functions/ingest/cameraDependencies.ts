// What a pulled camera is given by handler.ts, for camera.ts and frameDelivery.ts.
import type { Context } from '../function.ts';
import type { AddressGuard } from '../media/addressGuard.ts';
import type { TlsOptions } from '../media/cameraTunnel.ts';
import type { BackoffOptions } from './core/backoff.ts';
import type { EventOrigin } from './core/mediaEvents.ts';
import type { TimeWindow } from './core/timeWindow.ts';

/** Deadlines and waits of a pulled camera. */
export interface CameraTimings extends BackoffOptions {
  openTimeoutMs: number;
  /** A live stream that is silent for so long counts as lost. */
  stallTimeoutMs: number;
  /** A connection that held so long starts the backoff anew. */
  stableMs: number;
}

export interface CameraDependencies {
  context: Context;
  origin: EventOrigin;
  /** Seconds since the epoch: media time 0 of files that name no start time. */
  startedAt: number;
  /** Throws when they are named but not there. */
  readCredentials: () => { username: string; password: string } | undefined;
  /** How the camera proves who it is; read anew for each connection. Throws when its file cannot be read. */
  readTls: () => TlsOptions | undefined;
  /** Addresses it may be at. */
  guard: AddressGuard;
  /** 0..1 */
  random: () => number;
  timings: CameraTimings;
  /** Which moments are asked for. */
  window: TimeWindow;
  signal: AbortSignal;
}
