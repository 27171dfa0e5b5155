// PETS09-S2L1 cut into two cameras that share a border, through the real detect and embed stages.
import { join } from 'node:path';
import { eventTypes, type StageEvent, type TracksData, type TrackletsData } from '../../config/events.ts';
import type { ModelConfig } from '../../config/worker.ts';
import { createDetect } from '../../functions/detect/handler.ts';
import { detectParts } from '../../functions/detect/options.ts';
import { createEmbed } from '../../functions/embed/handler.ts';
import { defaultTrackletOptions } from '../../functions/embed/core/tracklets.ts';
import type { Context, StageFunction } from '../../functions/function.ts';
import { openDetector, openEmbedder } from '../../functions/media/inference.ts';
import { ensureModel } from '../../functions/media/models.ts';
import { openVideo } from '../../functions/media/video.ts';
import { cropColumns } from './columns.ts';
import { petsViews } from '../accuracy/sequences.ts';
import type { Arrival, Recording, TrackBox } from './recording.ts';

const framesPerSecond = 7;
const start = 1_000_000;
export const splitCameras = ['left', 'right'] as const;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const context = { log, now: () => 0 } as unknown as Context;

/** Every `stride`-th frame; frames are counted as in the whole video, from 1. */
export async function recordSplitView(
  dataFolder: string,
  detector: ModelConfig,
  embedder: ModelConfig,
  stride: number,
): Promise<Recording> {
  const { detect, embed } = await openStages(detector, embedder);
  const arrivals: Arrival[] = [];
  const boxes: TrackBox[] = [];
  let last = 0;

  async function toEmbed(event: StageEvent): Promise<void> {
    for (const out of asList(await embed.handle(event, context))) {
      if (out.type === eventTypes.tracklets) arrivals.push({ time: last, data: out.data as TrackletsData });
    }
  }

  for await (const { pixels, width, height, index } of await openVideo(
    join(dataFolder, 'pets09-s2l1', 'vtest.avi'),
  )) {
    if (index % stride !== 0) continue;
    last = start + index / framesPerSecond;
    const time = new Date(last * 1000).toISOString();
    for (const camera of splitCameras) {
      const part = cropColumns({ pixels, width, height }, petsViews[camera]);
      const data = { camera, sequence: index + 1, time: last, ...part };
      const event = { id: `${camera}-${index}`, source: camera, type: eventTypes.frame, time, data };
      for (const tracks of asList(await detect.handle(event, context))) {
        boxes.push(...boxesOf(tracks.data as TracksData));
        await toEmbed(tracks);
      }
    }
  }
  for (const camera of splitCameras) {
    const data = { camera, state: 'ended', time: last };
    const event = { id: `${camera}-end`, source: camera, type: eventTypes.stream, data };
    for (const out of asList(await detect.handle(event, context))) await toEmbed(out);
  }
  return { name: `split view 1/${stride}`, cameras: [...splitCameras], arrivals, boxes };
}

async function openStages(detector: ModelConfig, embedder: ModelConfig) {
  const knownCameras = new Set<string>(splitCameras);
  const same = embedder.sameThreshold ?? 0.5;
  const detect: StageFunction = createDetect({
    detect: await openDetector(await ensureModel(detector), detector, 1),
    model: detector,
    parts: detectParts(detector, {}),
    knownCameras,
    cropSize: embedder.input,
    source: '',
  });
  const prototypes = { ...defaultTrackletOptions.prototypes, joinSimilarity: (1 + same) / 2 };
  const embed: StageFunction = createEmbed({
    embed: await openEmbedder(await ensureModel(embedder), embedder, 1),
    model: embedder,
    options: { ...defaultTrackletOptions, prototypes },
    knownCameras,
    source: '',
  });
  return { detect, embed };
}

function boxesOf({ camera, session, sequence, ids, boxes }: TracksData): TrackBox[] {
  return Array.from(ids, (id, i) => ({
    camera,
    frame: sequence,
    track: `${session}.${id}`,
    box: [...boxes.subarray(4 * i, 4 * i + 4)] as TrackBox['box'],
  }));
}

function asList(out: StageEvent | StageEvent[] | void): StageEvent[] {
  return out === undefined ? [] : Array.isArray(out) ? out : [out];
}
