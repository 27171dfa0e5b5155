// onnxruntime sessions behind the uniform model contract; detect and embed get them from here.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';

/** Raw detector output of one image: `boxes` A x 4 (x1 y1 x2 y2, model-input pixels), `scores` A (0..1). */
export interface RawDetections {
  boxes: Float32Array;
  scores: Float32Array;
}

/** One image in, RGB height x width x 3 bytes at the model's input size. */
export type Detect = (pixels: Uint8Array) => Promise<RawDetections>;

/** `count` crops in, count x height x width x 3 bytes at the model's input size; count x D unit vectors out. */
export type Embed = (pixels: Uint8Array, count: number) => Promise<Float32Array>;

/** Crops run in batches of at most so many, which bounds the memory of a run. */
const maxBatch = 16;

/**
 * Opens a model file.
 * @throws PermanentError when the file is no ONNX model or does not follow the contract of its task.
 */
async function openSession(path: string, model: ModelConfig, threads: number, outputs: string[]) {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(path, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new PermanentError(`model ${model.name}: ${path} cannot be loaded: ${firstLine(cause)}`, { cause });
  }
  const missing = outputs.filter((name) => !session.outputNames.includes(name));
  if (!session.inputNames.includes('image') || missing.length > 0) {
    throw new PermanentError(
      `model ${model.name}: a ${model.task} model has the input "image" and the outputs ${outputs.join(', ')}; ` +
        `this one has ${session.inputNames.join(', ')} -> ${session.outputNames.join(', ')}`,
    );
  }
  return session;
}

function firstLine(cause: unknown): string {
  return String(cause instanceof Error ? cause.message : cause).split('\n', 1)[0] ?? '';
}

function imageTensor(pixels: Uint8Array, count: number, model: ModelConfig): Tensor {
  const { width, height } = model.input;
  return new Tensor('uint8', pixels, [count, height, width, 3]);
}

/** @throws PermanentError when the model cannot be used. */
export async function openDetector(path: string, model: ModelConfig, threads: number): Promise<Detect> {
  const session = await openSession(path, model, threads, ['boxes', 'scores']);
  return async (pixels) => {
    const { boxes, scores } = await session.run({ image: imageTensor(pixels, 1, model) });
    return { boxes: boxes!.data as Float32Array, scores: scores!.data as Float32Array };
  };
}

/** @throws PermanentError when the model cannot be used. */
export async function openEmbedder(path: string, model: ModelConfig, threads: number): Promise<Embed> {
  const session = await openSession(path, model, threads, ['embedding']);
  const cropBytes = model.input.width * model.input.height * 3;
  const run = async (pixels: Uint8Array, count: number) => {
    const { embedding } = await session.run({ image: imageTensor(pixels, count, model) });
    return embedding!.data as Float32Array;
  };
  return async (pixels, count) => {
    if (count <= maxBatch) return run(pixels, count);
    const parts: Float32Array[] = [];
    for (let first = 0; first < count; first += maxBatch) {
      const size = Math.min(maxBatch, count - first);
      parts.push(await run(pixels.subarray(first * cropBytes, (first + size) * cropBytes), size));
    }
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  };
}
