// Ways out of a stage, one for each partition key. stage.ts uses them so that a stage works on its next event while what
// came out of the last ones is still on its way.

export class Lanes {
  readonly #most: number;
  readonly #underWay = new Map<string, Promise<void>[]>();

  /** @param most deliveries of one key that may be under way; with more, `add` waits */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs `deliver` after all that was added for `key` before. Resolves when it is under way; its failure is its own
   * matter. Calls for one key must not overlap.
   */
  async add(key: string, deliver: () => Promise<void>): Promise<void> {
    const lane = this.#underWay.get(key) ?? [];
    while (lane.length >= this.#most) await lane[0];
    const before = lane.at(-1) ?? Promise.resolve();
    const done = before.then(deliver).then(leave, leave);
    const underWay = this.#underWay;
    lane.push(done);
    underWay.set(key, lane);
    function leave(): void {
      void lane.shift();
      if (lane.length === 0 && underWay.get(key) === lane) underWay.delete(key);
    }
  }

  /** Resolves when nothing that was added for `key` so far is under way. */
  async settled(key: string): Promise<void> {
    await Promise.all(this.#underWay.get(key) ?? []);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all([...this.#underWay.values()].flat());
  }
}
