// Turns pictures that people ask with into vectors, with the embedder of the task: queries.ts calls it. The model is opened for
// the first picture, and given back when none came for a while.
import type { ModelConfig } from '../../config/worker.ts';
import { TransientError } from '../function.ts';
import { decodeImage } from '../media/images.ts';
import { openEmbedder, type Embed } from '../media/inference.ts';
import { ensureModel } from '../media/models.ts';
import { resizeRgb } from '../media/resize.ts';

export interface PictureVectors {
  /** @throws PermanentError for what is no picture; TransientError while too many wait or the model cannot be had */
  vectorOf(picture: Uint8Array, signal: AbortSignal): Promise<Float32Array>;
}

export type OpenEmbedder = (model: ModelConfig) => Promise<Embed>;

const mostWaiting = 8;
const keptMs = 120_000;

export function createPictureVectors(model: ModelConfig, open: OpenEmbedder = openModel): PictureVectors {
  let embedder: Promise<Embed> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  async function embed(picture: Uint8Array, signal: AbortSignal): Promise<Float32Array> {
    signal.throwIfAborted();
    const { pixels } = await resizeRgb(await decodeImage(picture), model.input, model.input.resize);
    embedder ??= open(model);
    const run = await embedder.catch((cause: unknown) => {
      embedder = undefined;
      throw new TransientError(`the embedder cannot be opened: ${(cause as Error).message}`, { cause });
    });
    signal.throwIfAborted();
    return (await run(pixels, 1)).slice();
  }

  return {
    async vectorOf(picture, signal) {
      if (waiting >= mostWaiting) throw new TransientError('too many pictures wait', { retryAfterMs: 2000 });
      waiting += 1;
      clearTimeout(timer);
      // One after the other: each has the memory of a decoded picture.
      const mine = last.then(() => embed(picture, signal));
      last = mine.catch(() => undefined);
      try {
        return await mine;
      } finally {
        waiting -= 1;
        if (waiting === 0) timer = setTimeout(() => (embedder = undefined), keptMs).unref();
      }
    },
  };
}

async function openModel(model: ModelConfig): Promise<Embed> {
  return openEmbedder(await ensureModel(model), model, 1);
}
