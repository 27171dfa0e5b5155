// Somebody else sets back what we set: for ever, and as fast as both can, if nobody gives way. reconcile.ts asks here before
// it writes the same again: the first times at once, then after longer and longer pauses, and it says so in the status.
import { backoffMs } from './backoff.ts';

export interface QuarrelOptions {
  /** Repetitions without a pause: people who try something are set right at once. */
  patience: number;
  /** The first pause, and the longest. */
  minMs: number;
  maxMs: number;
  /** After so long without a repetition it is over; longer than the longest pause. */
  calmMs: number;
  nowMs: () => number;
}

interface Quarrel {
  /** What was written last. */
  digest: string;
  repetitions: number;
  lastMs: number;
  /** What the server said of the others; undefined while it is no quarrel. */
  words: string | undefined;
}

const usual: QuarrelOptions = {
  patience: 5,
  minMs: 1000,
  maxMs: 300_000,
  calmMs: 900_000,
  nowMs: () => performance.now(),
};

export class Quarrels {
  readonly #options: QuarrelOptions;
  /** By what is written; the latest last. */
  readonly #quarrels = new Map<string, Quarrel>();

  constructor(options: Partial<QuarrelOptions> = {}) {
    this.#options = { ...usual, ...options };
  }

  get calmMs(): number {
    return this.#options.calmMs;
  }

  /** Whether writing this would be one repetition too many to do it without asking who the others are. */
  isOne(key: string, digest: string): boolean {
    const known = this.#known(key);
    return known?.digest === digest && known.repetitions >= this.#options.patience;
  }

  /** How long to leave it as the others want it; 0: write now. */
  pauseMs(key: string, digest: string): number {
    if (!this.isOne(key, digest)) return 0;
    const { repetitions, lastMs } = this.#quarrels.get(key)!;
    const { patience, minMs, maxMs, nowMs } = this.#options;
    const pause = backoffMs(repetitions - patience, { minMs: 2 * minMs, maxMs: 2 * maxMs, random: () => 0 });
    return Math.max(0, lastMs + pause - nowMs());
  }

  /** It was written. @param words what the server said of the others, when it was asked */
  note(key: string, digest: string, words?: string): void {
    const before = this.#known(key);
    const isSame = before?.digest === digest;
    this.#quarrels.delete(key);
    this.#quarrels.set(key, {
      digest,
      repetitions: isSame ? before.repetitions + 1 : 0,
      lastMs: this.#options.nowMs(),
      words: words ?? (isSame ? before.words : undefined),
    });
    this.#forgetCalmOnes();
  }

  /** In words; undefined when there is peace. */
  wordsOf(key: string): string | undefined {
    return this.#known(key)?.words;
  }

  #known(key: string): Quarrel | undefined {
    const quarrel = this.#quarrels.get(key);
    return quarrel && !this.#isCalm(quarrel) ? quarrel : undefined;
  }

  #isCalm({ lastMs }: Quarrel): boolean {
    return this.#options.nowMs() - lastMs >= this.#options.calmMs;
  }

  #forgetCalmOnes(): void {
    for (const [key, quarrel] of this.#quarrels) {
      if (!this.#isCalm(quarrel)) return;
      this.#quarrels.delete(key);
    }
  }
}
