// What no pipeline can undercut, for main.ts: the same decoding and the same inference, one after the other, with nothing around them.
import { resolveModel } from '../../config/models.ts';
import { openDetector, openEmbedder } from '../../functions/media/inference.ts';
import { ensureModel } from '../../functions/media/models.ts';
import { openVideo } from '../../functions/media/video.ts';
import type { Measurement, Setting } from './packings.ts';

export interface Floor {
  framesPerSecond: number;
  /** Milliseconds of a frame. */
  decode: number;
  detect: number;
  embed: number;
}

/** One camera's frames and their share of the crops and batches that `like` had. */
export async function measureFloor(setting: Omit<Setting, 'cameras'>, like: Measurement): Promise<Floor> {
  const { video, threads } = setting;
  const detector = resolveModel({ name: setting.detector }, 'detect');
  const embedder = resolveModel({ name: setting.embedder }, 'embed');
  const detect = await openDetector(await ensureModel(detector), detector, threads);
  const embed = await openEmbedder(await ensureModel(embedder), embedder, threads);
  const image = new Uint8Array(detector.input.width * detector.input.height * 3).fill(114);
  const perBatch = Math.max(1, Math.round(like.crops / Math.max(1, like.batches)));
  const batch = new Uint8Array(perBatch * embedder.input.width * embedder.input.height * 3).fill(114);
  await detect(image);
  await embed(batch, perBatch);

  let frames = 0;
  const decoding = await secondsOf(async () => {
    for await (const _frame of await openVideo(video)) frames += 1;
  });
  const detecting = await secondsOf(async () => {
    for (let i = 0; i < frames; i++) await detect(image);
  });
  const crops = (like.crops / like.frames) * frames;
  const embedding = await secondsOf(async () => {
    for (let done = 0; done < crops; done += perBatch) await embed(batch, perBatch);
  });
  const milliseconds = (seconds: number) => (seconds * 1000) / frames;
  return {
    framesPerSecond: frames / (decoding + detecting + embedding),
    decode: milliseconds(decoding),
    detect: milliseconds(detecting),
    embed: milliseconds(embedding),
  };
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
