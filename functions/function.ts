// What a stage is: the contract between the host (functions/host) and every handler in functions/<stage>/handler.ts.
import { PermanentError } from '../config/errors.ts';
export { PermanentError, TransientError } from '../config/errors.ts';
import type { Asked } from '../config/queries/questions.ts';
import type { CameraReport, ReportData, StageEvent } from '../config/events.ts';
import type { Log } from '../config/messages.ts';
import type { Status } from '../config/schema/status.ts';
import type { WorkerConfig } from '../config/worker.ts';
export type { Log } from '../config/messages.ts';

/** A stage's state as its host reports it upstream every few seconds. */
export interface StageStatus {
  phase: ReportData['phase'];
  message?: string;
  cameras: CameraReport[];
  figures: Record<string, number>;
  output?: NonNullable<ReportData['output']>;
}

/** What the host gives to a stage. */
export interface Context {
  /**
   * Hands an event on. Resolves when the next stage has accepted it (queued or stored), so awaiting it is the
   * backpressure. Events of one partition key arrive in the order of the calls. Rejects with TransientError when
   * the retries are used up and PermanentError when the receiver refuses it.
   */
  emit(event: StageEvent): Promise<void>;
  log: Log;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Aborted when the host drains. */
  signal: AbortSignal;
}

/** A later stage lacks what came before this event: the recording has to be read from its beginning. 412 to a sender. */
export class BeginAgainError extends PermanentError {
  override name = 'BeginAgainError';
}

/** What was asked for is not there: 404. */
export class NotFoundError extends PermanentError {
  override name = 'NotFoundError';
}

/** A question of config/queries/routes.ts: its parameters are checked, and who asks it may. */
export interface Question extends Asked {
  /** Of the body, lower case; empty without one. */
  contentType: string;
  body: Uint8Array;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A function: bound to its dependencies by `create`, fed by a host. */
export interface StageFunction {
  /**
   * Handles one event; what it returns is emitted in order. Events of one partition key never overlap, except where
   * serverless.yml says `batching`: there a call begins, up to its first await, in the order of the events.
   */
  handle(event: StageEvent, context: Context): Promise<StageEvent | StageEvent[] | void>;
  /**
   * Called for each event of another process before it is queued, in their order; an error is the sender's answer.
   * Throws BeginAgainError for a part of a recording whose beginning was never seen, TransientError while its camera is not known.
   */
  admit?(event: StageEvent, context: Pick<Context, 'now'>): void;
  /** False while another worker decides in its place: then events wait where they are. Absent: always. */
  decides?(): boolean;
  /** A later stage has lost its memory: forgets the recording of a camera, which will be read again from its beginning. */
  beginAgain?(camera: string): Promise<void>;
  /** Called once before the first event; sources start here and emit on their own. */
  init?(context: Context): Promise<void>;
  /** Called once after the last event: flush and close. Events it emits are still delivered. */
  shutdown?(context: Context): Promise<void>;
  /**
   * Takes another configuration of this worker over while events are handled; what it does not touch goes on undisturbed.
   * False: only a new process can take it. Throws PermanentError when it cannot work; then the one in force stays. Called
   * one at a time, only when config/liveParts.ts says that this stage's part differs. Absent: as if it gave false.
   */
  reconfigure?(worker: WorkerConfig, context: Context): Promise<boolean>;
  /** Throws with the reason when the process should be restarted. */
  liveness?(): void;
  /** Throws with the reason while events cannot be handled (model loading, store unreachable). */
  readiness?(): void;
  status?(): StageStatus;
  /** Of the stage that gathers it: how the whole task is. */
  snapshot?(): Status;
  /** What the host answers as JSON. @throws NotFoundError, PermanentError (422), TransientError (503) */
  answer?(question: Question, context: Context): Promise<unknown>;
}

/** Each functions/<stage>/handler.ts exports `create` of this type: the one place where it is wired to real things. */
export type CreateStage = (worker: WorkerConfig, log: Log) => Promise<StageFunction>;
