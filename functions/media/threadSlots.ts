// Keeps libav's blocking network calls from taking all of libuv's threads, for video.ts and videoReader.ts: files, decoding and lookups need some too.

/** Lets a limited number of callers in at once; the others wait in line. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Threads that stay free for everything else. */
const reserved = 2;

let reading: Slots;
let opening: Slots;
setThreadCount(4);

/** Tells how many threads libuv has (UV_THREADPOOL_SIZE, 4 by default); call before the first video is opened. */
export function setThreadCount(threads: number): void {
  const slots = Math.max(2, threads - reserved);
  reading = new Slots(slots);
  // A camera that does not answer blocks for seconds, one that works for the time of a frame at most.
  opening = new Slots(slots >> 1);
}

/** Runs a call that waits for a camera to answer. */
export function whileOpening<T>(work: () => Promise<T>): Promise<T> {
  return opening.run(() => reading.run(work));
}

/** Runs a call that waits for a camera's next data. */
export function whileReading<T>(work: () => Promise<T>): Promise<T> {
  return reading.run(work);
}
