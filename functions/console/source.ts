// What the console needs to know of one task; runSource.ts knows it from a folder, router.ts and stream.ts ask it.
import type { ErasedChange } from '../../config/events.ts';
import type { Erased } from '../../config/queries/answers.ts';
import type { ChangeView, ContactView, FoundView, IdentitiesView, MotionView, TaskView } from './types.ts';

/** Where a follower is in what moves. */
export interface MotionCursor {
  /** Of paths in the store. */
  row: number;
  /** Of the files of each camera. */
  files: Map<string, { offset: number; rest: string }>;
}

/** Whom a follower knows. */
export interface ErasureCursor {
  known?: IdentitiesView;
}

export interface ConsoleSource {
  readonly taskName: string;
  task(): Promise<TaskView>;
  identities(): IdentitiesView;
  contacts(): ContactView[];
  changesAfter(sequence: number, most: number): ChangeView[];
  sequences(): { oldest: number; newest: number };
  /** Boxes since the cursor, which moves on. */
  motion(cursor: MotionCursor): MotionView[];
  /** Path of a camera's picture; undefined where there is none to show. */
  picture(camera: string): string | undefined;
  recording(camera: string): string | undefined;
  /** Absent where pictures cannot be compared. @throws PermanentError for what is no picture */
  search?(picture: Uint8Array): Promise<FoundView[]>;
  /** Erases somebody for good; absent where that cannot be. @throws NotFoundError, TransientError while it cannot be now */
  erase?(identity: string): Promise<Erased>;
  /** Who was erased since the last call with this cursor; nobody the first time. */
  erased?(cursor: ErasureCursor): ErasedChange[];
  /** Ends the run; absent where there is none to end. */
  stop?(): void;
  close(): void;
}

export function motionFromStart(): MotionCursor {
  return { row: 0, files: new Map() };
}
