// Who may send pictures of which camera, and how many: server.ts asks before it reads a body, and again for each event in it.
import { HttpError } from './answers.ts';
import { OverloadedError } from './inbox.ts';
import { RateLimit } from './rateLimit.ts';
import { digestOfToken } from '../tokens.ts';
import { TokenFile } from './tokenFile.ts';
import { TransientError } from '../function.ts';
import type { IncomingHttpHeaders } from 'node:http';
import type { CameraConfig } from '../../config/worker.ts';
import type { Log } from '../function.ts';

/** Cameras that a request may send pictures of. */
export interface Sender {
  /** By a token; absent when none was given. */
  cameras?: ReadonlySet<string>;
  origin: string | undefined;
}

export interface PushAccessOptions {
  cameras: () => readonly CameraConfig[];
  /** Where the paths of token files are. */
  environment: Record<string, string | undefined>;
  /** Nobody but this machine reaches the worker: cameras without token are open. */
  isLocal: boolean;
  log: Log;
  now?: () => number;
}

/** Requests of one camera at a time: a slow one must not fill the place of all. */
const mostUnderWay = 4;
const logEveryMs = 60_000;

export class PushAccess {
  readonly #options: Required<PushAccessOptions>;
  readonly #files = new Map<string, TokenFile>();
  readonly #limits = new Map<string, { perSecond: number; limit: RateLimit }>();
  readonly #underWay = new Map<string, number>();
  readonly #loggedMs = new Map<string, number>();

  constructor(options: PushAccessOptions) {
    this.#options = { now: () => performance.now(), ...options };
  }

  /** @throws HttpError 400 (two tokens), 401 (a token of nobody); TransientError while tokens cannot be read */
  senderOf(headers: IncomingHttpHeaders, query: Record<string, unknown>): Sender {
    const origin = oneText(headers['webhook-request-origin']);
    const token = tokenOf(headers, query);
    if (token === undefined) return { origin };
    const digest = digestOfToken(token);
    const cameras = new Set<string>();
    for (const camera of this.#options.cameras())
      if (this.#fileOf(camera)?.holds(digest)) cameras.add(camera.id);
    if (cameras.size > 0) return { cameras, origin };
    this.#refuseUnreadable(this.#options.cameras());
    throw this.#refusal(401, undefined, 'the token is not one of any camera here');
  }

  /**
   * Whether the sender may send pictures of the camera, and one more now.
   * @throws HttpError 401 (no token), 403 (another camera, or not admitted); OverloadedError (429); TransientError
   */
  admit({ cameras, origin }: Sender, id: string): void {
    const camera = this.#options.cameras().find((each) => each.id === id);
    if (cameras !== undefined && !cameras.has(id))
      throw this.#refusal(403, camera?.id, 'the token is that of another camera');
    if (cameras === undefined) this.#admitWithoutToken(camera);
    if (camera === undefined) return;
    const { origins = [] } = camera.source.push ?? {};
    if (origin !== undefined && !admits(origins, origin))
      throw this.#refusal(403, id, 'this origin is not admitted: see push.origins of the camera');
    this.#limit(camera);
  }

  /** Counts a request of the camera; call what it returns once the request is over. @throws OverloadedError */
  begin(id: string): () => void {
    const before = this.#underWay.get(id) ?? 0;
    if (before >= mostUnderWay)
      throw new OverloadedError(`camera ${id} has ${before} requests under way`, { retryAfterMs: 1000 });
    this.#underWay.set(id, before + 1);
    return () => {
      const left = this.#underWay.get(id)! - 1;
      if (left > 0) this.#underWay.set(id, left);
      else this.#underWay.delete(id);
    };
  }

  /** For a handshake: requests a minute that an origin may make; 0 when it is not admitted. `id`: one camera, else any. */
  ratePerMinute(origin: string, id?: string): number {
    const admitted = this.#options
      .cameras()
      .filter((camera) => id === undefined || camera.id === id)
      .flatMap(({ source: { push } }) =>
        push && admits(push.origins, origin) ? push.picturesPerSecond : [],
      );
    return admitted.length === 0 ? 0 : Math.max(1, Math.floor(admitted.reduce((a, b) => a + b) * 60));
  }

  #admitWithoutToken(camera: CameraConfig | undefined): void {
    const isOpen = (each: CameraConfig) =>
      this.#options.isLocal && each.source.push?.tokenFileEnv === undefined;
    // Who may send something may hear that a camera does not exist; to others all cameras look the same.
    if (camera === undefined ? this.#options.cameras().some(isOpen) : isOpen(camera)) return;
    throw this.#refusal(401, camera?.id, 'pictures are taken only with the token of their camera');
  }

  #fileOf({ id, source: { push } }: CameraConfig): TokenFile | undefined {
    if (push?.tokenFileEnv === undefined) return undefined;
    const path = this.#options.environment[push.tokenFileEnv];
    if (path === undefined) return undefined;
    const key = `${id}\n${path}`;
    const file = this.#files.get(key) ?? new TokenFile(path);
    this.#files.set(key, file);
    return file;
  }

  /** A token may be right although none can be read: the sender shall come again. */
  #refuseUnreadable(cameras: readonly CameraConfig[]): void {
    for (const camera of cameras) {
      if (camera.source.push?.tokenFileEnv === undefined) continue;
      const file = this.#fileOf(camera);
      const problem = file ? file.problem : `${camera.source.push.tokenFileEnv} is not set`;
      if (problem === undefined) continue;
      this.#note(camera.id, `its tokens cannot be read: ${problem}`);
      throw new TransientError(`the tokens of camera ${camera.id} cannot be read`, { retryAfterMs: 5000 });
    }
  }

  #limit({ id, source }: CameraConfig): void {
    const { picturesPerSecond: perSecond = 30 } = source.push ?? {};
    const nowMs = this.#options.now();
    const known = this.#limits.get(id);
    const limit = known?.perSecond === perSecond ? known.limit : new RateLimit(perSecond, nowMs);
    this.#limits.set(id, { perSecond, limit });
    const waitMs = limit.take(nowMs);
    if (waitMs > 0)
      throw new OverloadedError(`camera ${id} sends more than ${perSecond} pictures a second`, {
        retryAfterMs: waitMs,
      });
  }

  #refusal(status: 401 | 403, camera: string | undefined, reason: string): HttpError {
    this.#note(camera, reason);
    const challenge = status === 401 ? { 'www-authenticate': 'Bearer realm="cameras"' } : undefined;
    return new HttpError(status, reason, challenge);
  }

  /** Strangers decide how often this happens, so it is not logged as often. */
  #note(camera: string | undefined, reason: string): void {
    const key = `${camera ?? ''}\n${reason}`;
    const nowMs = this.#options.now();
    if (nowMs - (this.#loggedMs.get(key) ?? -Infinity) < logEveryMs) return;
    this.#loggedMs.set(key, nowMs);
    this.#options.log.warn({ ...(camera !== undefined && { camera }), reason }, 'push refused');
  }
}

/** Header, or query parameter for senders that can set no header. @throws HttpError 400 */
function tokenOf({ authorization }: IncomingHttpHeaders, query: Record<string, unknown>): string | undefined {
  const inQuery = query['access_token'];
  if (authorization === undefined && inQuery === undefined) return undefined;
  if (authorization !== undefined && inQuery !== undefined)
    throw new HttpError(400, 'two tokens: send it as header Authorization or as query parameter, not both');
  if (inQuery !== undefined) {
    if (typeof inQuery === 'string' && inQuery !== '') return inQuery;
    throw new HttpError(400, 'access_token: must be one token');
  }
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization!)?.[1];
  if (token !== undefined) return token;
  throw new HttpError(401, 'send the token as Authorization: Bearer <token>', {
    'www-authenticate': 'Bearer realm="cameras"',
  });
}

function admits(origins: readonly string[], origin: string): boolean {
  return origins.some((each) => each === '*' || each.toLowerCase() === origin.toLowerCase());
}

function oneText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
