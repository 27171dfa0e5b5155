// Begins work on the events of one key in their order, several at a time, and after a failure begins nothing later of that key before
// what failed is done. receiver.ts fills it.

export interface KeyedOrderOptions<T> {
  /** Events of one key under way at a time. */
  perKey: number;
  /** Resolves with nothing when it is done with the event for good, else with the milliseconds until the next try. Never rejects. */
  work: (item: T, tries: number) => Promise<number | undefined>;
}

interface Entry<T> {
  item: T;
  order: number;
  tries: number;
}

interface Lane<T> {
  waiting: Entry<T>[];
  failed: Entry<T>[];
  underWay: number;
  pauseMs: number;
  timer: NodeJS.Timeout | undefined;
}

export class KeyedOrder<T> {
  readonly #options: KeyedOrderOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  #idle: (() => void)[] = [];
  #underWay = 0;
  #isEnding = false;

  constructor(options: KeyedOrderOptions<T>) {
    this.#options = options;
  }

  /** @param order of the event among all: what failed goes back to its place */
  add(key: string, order: number, item: T): void {
    if (this.#isEnding) return;
    const lane = this.#lanes.get(key) ?? {
      waiting: [],
      failed: [],
      underWay: 0,
      pauseMs: 0,
      timer: undefined,
    };
    this.#lanes.set(key, lane);
    lane.waiting.push({ item, order, tries: 0 });
    this.#pump(key, lane);
  }

  /** What is not done yet. */
  *items(): Iterable<T> {
    for (const { waiting, failed } of this.#lanes.values())
      for (const { item } of [...waiting, ...failed]) yield item;
  }

  /** Begins nothing more; resolves when nothing is under way. What has not been done is forgotten. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const { timer } of this.#lanes.values()) clearTimeout(timer);
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#lanes.clear();
  }

  #pump(key: string, lane: Lane<T>): void {
    if (this.#isEnding || lane.timer) return;
    if (lane.failed.length > 0) {
      // Those under way may fail too: all of them go back together.
      if (lane.underWay === 0) lane.timer = setTimeout(() => this.#again(key, lane), lane.pauseMs);
      return;
    }
    const isProbing = (lane.waiting[0]?.tries ?? 0) > 0;
    const most = isProbing ? 1 : this.#options.perKey;
    while (lane.underWay < most && lane.waiting.length > 0) void this.#run(key, lane, lane.waiting.shift()!);
    if (lane.underWay === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
  }

  #again(key: string, lane: Lane<T>): void {
    lane.timer = undefined;
    lane.waiting = [...lane.failed.splice(0), ...lane.waiting].sort((a, b) => a.order - b.order);
    lane.pauseMs = 0;
    this.#pump(key, lane);
  }

  async #run(key: string, lane: Lane<T>, entry: Entry<T>): Promise<void> {
    lane.underWay++;
    this.#underWay++;
    const againMs = await this.#options.work(entry.item, ++entry.tries);
    lane.underWay--;
    this.#underWay--;
    if (againMs !== undefined) {
      lane.failed.push(entry);
      lane.pauseMs = Math.max(lane.pauseMs, againMs);
    }
    this.#pump(key, lane);
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
