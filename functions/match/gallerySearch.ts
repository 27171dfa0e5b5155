// Searches galleries of any size, split into blocks over several threads; the result is that of a search over the whole.
// Whoever answers questions about the past uses it. Blocks whose memory is shared (see blockOf) are not copied for a thread.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { TransientError } from '../function.ts';
import type { QuantizedVector } from '../../config/quantize.ts';
import { mergeHits, nearest, type GalleryBlock, type Hit } from './core/gallery.ts';
import type { Found, Search } from './galleryThread.ts';

export interface GallerySearchOptions {
  /** Threads that share the blocks of a search. 0: the caller's own, which does nothing else meanwhile. */
  threads: number;
  /** Arguments of node for the threads, e.g. a loader; by default those of this process. */
  execArgv?: string[];
}

export interface GallerySearch {
  /**
   * The `most` tracks most similar to any of the queries, best first. Takes the blocks one by one, at most one more than there
   * are threads at a time: what makes them as they are asked for needs no more memory than that.
   * @param least tracks below this similarity are left out
   * @throws TransientError after `close`, or when a thread ended
   */
  nearest(
    blocks: Iterable<GalleryBlock> | AsyncIterable<GalleryBlock>,
    queries: readonly QuantizedVector[],
    most: number,
    least?: number,
  ): Promise<Hit[]>;
  close(): Promise<void>;
}

/** One track of a gallery. */
export interface GalleryTrack {
  /** -127..127, all of one length */
  vectors: readonly QuantizedVector[];
}

/** Packs tracks into memory that threads share. @param first number of the first of them in the whole gallery */
export function blockOf(tracks: readonly GalleryTrack[], dimensions: number, first = 0): GalleryBlock {
  const rows = tracks.reduce((sum, { vectors }) => sum + vectors.length, 0);
  const block: GalleryBlock = {
    first,
    dimensions,
    vectors: new Int8Array(new SharedArrayBuffer(rows * dimensions)),
    scales: new Float32Array(new SharedArrayBuffer(rows * 4)),
    starts: new Uint32Array(new SharedArrayBuffer((tracks.length + 1) * 4)),
  };
  let row = 0;
  tracks.forEach(({ vectors }, track) => {
    for (const { vector, scale } of vectors) {
      block.vectors.set(vector, row * dimensions);
      block.scales[row++] = scale;
    }
    block.starts[track + 1] = row;
  });
  return block;
}

/** Threads start with the first search and live until `close`; they keep no process alive. */
export function openGallerySearch({ threads: count, execArgv }: GallerySearchOptions): GallerySearch {
  let threads: Thread[] | undefined;
  let isClosed = false;

  async function threaded(
    blocks: Iterable<GalleryBlock> | AsyncIterable<GalleryBlock>,
    query: Omit<Search, 'block'>,
  ): Promise<Hit[]> {
    threads ??= Array.from({ length: count }, () => new Thread(execArgv));
    let hits: Hit[] = [];
    const underWay = new Set<Promise<void>>();
    const idle = [...threads];
    for await (const block of blocks) {
      while (idle.length === 0) await Promise.race(underWay);
      const thread = idle.pop()!;
      const done: Promise<void> = thread.search({ block, ...query }).then((found) => {
        hits = mergeHits([hits, found], query.most);
        underWay.delete(done);
        idle.push(thread);
      });
      underWay.add(done);
    }
    await Promise.all(underWay);
    return hits;
  }

  async function alone(
    blocks: Iterable<GalleryBlock> | AsyncIterable<GalleryBlock>,
    { queries, most, least }: Omit<Search, 'block'>,
  ): Promise<Hit[]> {
    let hits: Hit[] = [];
    for await (const block of blocks) hits = mergeHits([hits, nearest(block, queries, most, least)], most);
    return hits;
  }

  return {
    async nearest(blocks, queries, most, least = -Infinity) {
      if (isClosed) throw new TransientError('the search is closed');
      const query = { queries: [...queries], most, least };
      return count === 0 ? alone(blocks, query) : threaded(blocks, query);
    },
    async close() {
      isClosed = true;
      await Promise.all((threads ?? []).map((thread) => thread.close()));
    },
  };
}

interface Asked {
  resolve: (hits: Hit[]) => void;
  reject: (error: Error) => void;
}

/** Answers in the order of the questions. */
class Thread {
  readonly #worker: Worker;
  #asked: Asked[] = [];
  #failure: Error | undefined;

  constructor(execArgv: string[] | undefined) {
    const url = new URL(`./galleryThread${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(url, execArgv ? { execArgv } : {});
    this.#worker.unref();
    this.#worker.on('message', (found: Found) => {
      const asked = this.#asked.shift();
      if ('hits' in found) asked?.resolve(found.hits);
      else asked?.reject(new Error(found.problem));
    });
    this.#worker.on('error', (cause) => this.#fail(cause));
    this.#worker.on('exit', () => this.#fail(undefined));
  }

  search(search: Search): Promise<Hit[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.#worker.postMessage(search);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(cause: Error | undefined): void {
    this.#failure ??= new TransientError(`a thread that searches has ended`, cause ? { cause } : {});
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
  }
}
