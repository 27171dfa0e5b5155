// The edge stages as they are shipped, from pictures to tracklets, for several cameras on one clock. Used by splitView.ts and
// multiviewX.ts to record what edge nodes would have sent.
import { eventTypes, type StageEvent, type TrackletsData, type TracksData } from '../../config/events.ts';
import type { ModelConfig } from '../../config/worker.ts';
import { createDetect } from '../../functions/detect/handler.ts';
import { detectParts } from '../../functions/detect/options.ts';
import { defaultTrackletOptions } from '../../functions/embed/core/tracklets.ts';
import { createEmbed } from '../../functions/embed/handler.ts';
import type { Context, StageFunction } from '../../functions/function.ts';
import { openDetector, openEmbedder } from '../../functions/media/inference.ts';
import { ensureModel } from '../../functions/media/models.ts';
import type { RgbImage } from '../../functions/media/resize.ts';
import type { Arrival, TrackBox } from './recording.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const context = { log, now: () => 0 } as unknown as Context;

export interface StagePipeline {
  /** @param sequence 1-based @param time media time, seconds */
  push(camera: string, sequence: number, time: number, image: RgbImage): Promise<void>;
  /** Ends every camera; gives all that came out. */
  end(): Promise<{ arrivals: Arrival[]; boxes: TrackBox[] }>;
}

export async function openPipeline(
  cameras: readonly string[],
  detector: ModelConfig,
  embedder: ModelConfig,
): Promise<StagePipeline> {
  const { detect, embed } = await openStages(cameras, detector, embedder);
  const arrivals: Arrival[] = [];
  const boxes: TrackBox[] = [];
  let last = 0;

  async function toEmbed(event: StageEvent): Promise<void> {
    for (const out of asList(await embed.handle(event, context))) {
      if (out.type === eventTypes.tracklets) arrivals.push({ time: last, data: out.data as TrackletsData });
    }
  }

  return {
    async push(camera, sequence, time, image) {
      last = time;
      const data = { camera, sequence, time, ...image };
      const event = {
        id: `${camera}-${sequence}`,
        source: camera,
        type: eventTypes.frame,
        time: new Date(time * 1000).toISOString(),
        data,
      };
      for (const tracks of asList(await detect.handle(event, context))) {
        boxes.push(...boxesOf(tracks.data as TracksData));
        await toEmbed(tracks);
      }
    },
    async end() {
      for (const camera of cameras) {
        const data = { camera, state: 'ended', time: last };
        const event = { id: `${camera}-end`, source: camera, type: eventTypes.stream, data };
        for (const out of asList(await detect.handle(event, context))) await toEmbed(out);
      }
      return { arrivals, boxes };
    },
  };
}

async function openStages(cameras: readonly string[], detector: ModelConfig, embedder: ModelConfig) {
  const knownCameras = new Set<string>(cameras);
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
