// How often one camera may send; pushAccess.ts asks it before a picture is read.

/** A bucket that fills evenly: short bursts pass, a lasting excess does not. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #most: number;
  #tokens: number;
  #atMs: number;

  /** Twice what comes in a second may come at once, and always two. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#most = Math.max(2, perSecond * 2);
    this.#tokens = this.#most;
    this.#atMs = nowMs;
  }

  /** 0, or milliseconds until the next one may come; then nothing is used up. */
  take(nowMs: number): number {
    const passedS = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#most, this.#tokens + passedS * this.#perSecond);
    if (this.#tokens >= 1) {
      this.#tokens--;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }
}
