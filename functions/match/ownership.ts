// Lets one of several match workers of a task decide at a time, the others stand by: the stage as handler.ts gives it to the host.
// See docs/decisions/0009-one-owner-a-task.md.
import { TransientError, type Context, type Log, type StageFunction, type StageStatus } from '../function.ts';
import { isSameLease, LeaseLostError, type Lease, type LeaseState } from './lease.ts';
import { InDoubtError } from './termErrors.ts';

export interface OwnershipOptions {
  /** How often the owner shows that it is alive, and the others look. */
  pollMs: number;
  /** Looks in a row without a sign of life after which another one takes over: a process that was paused looks again first. */
  missedPolls: number;
  /** The same for a term that has just begun: reading a large store leaves no time for a sign of life. */
  missedAtFirst: number;
}

export const defaultOwnership: OwnershipOptions = { pollMs: 1000, missedPolls: 5, missedAtFirst: 30 };

export interface OwnershipParts {
  lease: Lease;
  /** Name of this worker. */
  holder: string;
  /** The stage for one term, with all that the store knows; its `shutdown` closes the store. */
  open(epoch: number): StageFunction;
  reconfigure: NonNullable<StageFunction['reconfigure']>;
  log: Log;
  options?: OwnershipOptions;
}

const nobody: StageFunction = {
  handle: () => Promise.reject(new TransientError('this worker begins anew', { retryAfterMs: 1000 })),
};

interface Term {
  epoch: number;
  stage: StageFunction;
  isReady: boolean;
}

/** Of a stage that does not know what of its last work is stored. */
function doubtOf(stage: StageFunction): InDoubtError | undefined {
  try {
    stage.readiness?.();
  } catch (error) {
    if (error instanceof InDoubtError) return error;
  }
  return undefined;
}

/** The stage, and a way to change the store from outside of it. */
export interface Owned extends StageFunction {
  /**
   * Lets `write` change the store between two lives of the stage: what is in memory is read anew from what the store says then.
   * Events have to come again meanwhile. @throws TransientError where another worker decides; what `write` throws
   */
  anew<T>(write: (epoch: number) => T, context: Context): Promise<T>;
  /** While this worker decides. */
  current(): StageFunction | undefined;
}

/** @throws what `open` throws for the first term, when it begins at the start */
export function createOwnership(parts: OwnershipParts): Owned {
  const { lease, holder, log } = parts;
  const { pollMs, missedPolls, missedAtFirst } = parts.options ?? defaultOwnership;
  let term: Term | undefined;
  let seen: LeaseState | undefined;
  let missed = 0;
  let isFirstLook = true;
  /** What it said of itself last: asked for once more after everything is closed. */
  let lastWord: StageStatus | undefined;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** A worker that was killed goes on without waiting for itself; later its name is as good as any other. */
  function isFree(state: LeaseState | undefined): boolean {
    return !state || state.holder === '' || (isFirstLook && state.holder === holder);
  }

  async function renew(current: Term, context: Context): Promise<void> {
    const doubt = doubtOf(current.stage);
    if (doubt) await stepDown(current, context, doubt);
    else if (!lease.renew(current.epoch)) await stepDown(current, context);
  }

  async function look(context: Context): Promise<void> {
    const state = lease.state();
    missed = isSameLease(state, seen) ? missed + 1 : 0;
    seen = state;
    const mayTake = isFree(state) || missed >= (state?.beat === 0 ? missedAtFirst : missedPolls);
    isFirstLook = false;
    const epoch = mayTake ? lease.take(holder, state) : undefined;
    if (epoch !== undefined) await begin(epoch, state, context);
  }

  async function begin(epoch: number, before: LeaseState | undefined, context: Context): Promise<void> {
    log.info({ stage: 'match', epoch, before: before?.holder }, 'this worker decides from now on');
    let began: Term | undefined;
    try {
      term = began = { epoch, stage: parts.open(epoch), isReady: false };
      await began.stage.init?.(context);
      began.isReady = true;
    } catch (error) {
      if (term === began) {
        term = undefined;
        await began?.stage.shutdown?.(context);
        lease.release(epoch);
      }
      throw error;
    }
  }

  async function stepDown(lost: Term, context: Context, error?: InDoubtError): Promise<void> {
    if (term !== lost) return;
    term = undefined;
    seen = undefined;
    missed = 0;
    if (error) {
      // The lease is its own still, unless another one is faster.
      isFirstLook = true;
      log.warn(
        { stage: 'match', epoch: lost.epoch, error: error.message },
        'begins anew with what the store says',
      );
    } else log.warn({ stage: 'match', epoch: lost.epoch }, 'another worker decides: standing by');
    await lost.stage.shutdown?.(context);
  }

  async function anew<T>(write: (epoch: number) => T, context: Context): Promise<T> {
    const current = ownTerm();
    current.isReady = false;
    const before = current.stage;
    // Whatever looks at it meanwhile finds nobody at home.
    current.stage = nobody;
    await before.shutdown?.(context);
    try {
      return write(current.epoch);
    } finally {
      await resume(current, context);
    }
  }

  async function resume(current: Term, context: Context): Promise<void> {
    if (term !== current) return;
    try {
      current.stage = parts.open(current.epoch);
      await current.stage.init?.(context);
      current.isReady = true;
    } catch (error) {
      term = undefined;
      await current.stage.shutdown?.(context);
      lease.release(current.epoch);
      throw error;
    }
  }

  function lookAgain(context: Context): void {
    const complain = (error: unknown) =>
      log.warn({ stage: 'match', error: String(error) }, 'the lease cannot be looked after');
    // Also while its term is still beginning, which may take long.
    if (term) renew(term, context).catch(complain);
    else
      looking ??= look(context)
        .catch(complain)
        .finally(() => (looking = undefined));
  }

  function status(): StageStatus {
    const own = term?.stage.status?.();
    if (own && term) return { ...own, figures: { ...own.figures, epoch: term.epoch } };
    const message = `stands by, ${seen?.holder || 'another worker'} decides`;
    return { phase: 'Running', message, cameras: [], figures: {} };
  }

  function ownTerm(): Term {
    if (term?.isReady) return term;
    const who = term ? 'this worker is about to take over' : `${seen?.holder || 'another worker'} decides`;
    throw new TransientError(who, { retryAfterMs: 1000 });
  }

  return {
    anew,
    current: () => (term?.isReady ? term.stage : undefined),
    // Before the queue: whoever asks the wrong worker hears it at once.
    admit: () => void ownTerm(),
    decides: () => term?.isReady === true,
    async handle(event, context) {
      const current = ownTerm();
      try {
        return await current.stage.handle(event, context);
      } catch (error) {
        if (error instanceof LeaseLostError)
          await stepDown(current, context, error instanceof InDoubtError ? error : undefined);
        throw error;
      }
    },
    async init(context) {
      await look(context);
      timer = setInterval(() => lookAgain(context), pollMs);
      timer.unref();
    },
    async shutdown(context) {
      clearInterval(timer);
      await looking;
      lastWord = status();
      const last = term;
      term = undefined;
      await last?.stage.shutdown?.(context);
      if (last) lease.release(last.epoch);
      lease.close();
    },
    reconfigure: (next, context) => parts.reconfigure(next, context),
    // Who stands by is ready too: for the moment when it is needed.
    readiness: () => term?.stage.readiness?.(),
    status: () => lastWord ?? status(),
  };
}
