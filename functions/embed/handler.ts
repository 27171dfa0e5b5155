// The embed stage: crops in, appearance vectors out. It turns a camera's tracks into tracklets, which carry no pixels.
import {
  eventTypes,
  sessionAt,
  type Crop,
  type StageEvent,
  type StreamData,
  type Tracklet,
} from '../../config/events.ts';
import type { TrackletsData, TracksData } from '../../config/events.ts';
import type { ModelConfig, WorkerConfig } from '../../config/worker.ts';
import { PermanentError, type Log, type StageFunction } from '../function.ts';
import { KnownCameras } from '../knownCameras.ts';
import { recordingsOf, WholeRecordings } from '../wholeRecordings.ts';
import { resizeRgb } from '../media/resize.ts';
import { openEmbedder, type Embed } from '../media/inference.ts';
import { ensureModel } from '../media/models.ts';
import {
  defaultTrackletOptions,
  emptyCamera,
  endAll,
  observe,
  type CameraTracklets,
  type TrackletOptions,
} from './core/tracklets.ts';

export interface EmbedDependencies {
  embed: Embed;
  model: ModelConfig;
  options: TrackletOptions;
  /** Cameras of this worker; tracks of others are refused, which also bounds what is remembered. */
  knownCameras: ReadonlySet<string>;
  /** Those of them that are recordings: they are taken from their beginning only. */
  recordings?: Iterable<string>;
  /** Start of every emitted event's source, up to the stage: `/namespaces/a/multiedgeinferences/b`. */
  source: string;
}

interface OpenCamera extends CameraTracklets {
  image: TrackletsData['image'];
  /** The session as detect names it. */
  tracker: string;
}

/** The stage bound to its model; see EmbedDependencies. */
export function createEmbed(dependencies: EmbedDependencies): StageFunction {
  const { embed, model, source } = dependencies;
  const known = new KnownCameras(dependencies.knownCameras);
  const whole = new WholeRecordings(dependencies.recordings ?? []);
  let { options } = dependencies;
  const cameras = new Map<string, OpenCamera>();
  const ended = new Set<string>();
  const figures = { crops: 0, batches: 0, tracklets: 0 };
  const dimensions = model.dimensions ?? 0;

  async function vectorsOf(crops: Crop[]): Promise<Float32Array> {
    if (crops.length === 0) return new Float32Array(0);
    const { width, height } = model.input;
    const batch = new Uint8Array(crops.length * width * height * 3);
    for (const [i, crop] of crops.entries()) {
      const fits = crop.width === width && crop.height === height;
      const pixels = fits ? crop.pixels : (await resizeRgb(crop, model.input, 'stretch')).pixels;
      batch.set(pixels, i * width * height * 3);
    }
    const vectors = await embed(batch, crops.length);
    if (vectors.length !== crops.length * dimensions) {
      throw new PermanentError(
        `model ${model.name}: the catalogue says ${dimensions} dimensions, the file gives ${vectors.length / crops.length}`,
      );
    }
    figures.crops += crops.length;
    figures.batches += 1;
    return vectors;
  }

  function trackletsEvent(cause: StageEvent, camera: string, tracklets: Tracklet[], part = ''): StageEvent[] {
    const image = cameras.get(camera)?.image;
    if (tracklets.length === 0 || !image) return [];
    figures.tracklets += tracklets.length;
    const data: TrackletsData = { camera, model: model.sha256, dimensions, image, tracklets };
    return [
      {
        id: `${cause.id}${part}`,
        source: `${source}/embed/${camera}`,
        type: eventTypes.tracklets,
        ...(cause.time !== undefined && { time: cause.time }),
        ...(cause.traceparent !== undefined && { traceparent: cause.traceparent }),
        partitionkey: camera,
        data,
      },
    ];
  }

  async function onTracks(event: StageEvent<TracksData>, nowMs: number): Promise<StageEvent[]> {
    const frame = event.data;
    known.check(frame.camera, nowMs);
    ended.delete(frame.camera);
    let camera = cameras.get(frame.camera);
    const isNew = camera?.tracker !== frame.session;
    // Queued before it was known that the recording begins again.
    if (isNew && whole.has(frame.camera) && !begins(frame)) return [];
    const vectors = await vectorsOf(frame.crops);
    const out: StageEvent[] = [];
    if (camera && isNew) {
      out.push(...trackletsEvent(event, frame.camera, endAll(camera, options), '-previous'));
      camera = undefined;
    }
    if (!camera) {
      const { session: tracker, width, height } = frame;
      camera = { ...emptyCamera(lifeOf(frame)), tracker, image: { width, height } };
      cameras.set(frame.camera, camera);
    }
    out.push(...trackletsEvent(event, frame.camera, observe(camera, frame, vectors, dimensions, options)));
    return out;
  }

  function onStream(event: StageEvent<StreamData>): StageEvent[] {
    const { camera } = event.data;
    if (known.has(camera)) ended.add(camera);
    const state = cameras.get(camera);
    if (!state && whole.has(camera) && event.data.session !== undefined) throw whole.lacking(camera);
    // The stream event keeps its id, so the tracklets that precede it need one of their own.
    const last = state ? trackletsEvent(event, camera, endAll(state, options), '-last') : [];
    cameras.delete(camera);
    return [...last, { ...event, source: `${source}/embed/${camera}` }];
  }

  return {
    admit(event, context) {
      if (event.type === eventTypes.tracks) {
        const frame = event.data as TracksData;
        known.waitFor(frame.camera, context.now());
        whole.admit(frame.camera, frame.session, begins(frame));
      } else if (event.type === eventTypes.stream) {
        const { camera, session } = event.data as StreamData;
        known.waitFor(camera, context.now());
        if (session !== undefined) whole.admit(camera, session, false);
      }
    },
    async handle(event, context) {
      if (event.type === eventTypes.tracks)
        return tellEnds(await onTracks(event as StageEvent<TracksData>, context.now()), context.log);
      if (event.type === eventTypes.stream)
        return tellEnds(onStream(event as StageEvent<StreamData>), context.log);
      throw new PermanentError(`embed takes tracks and stream events, not ${event.type}`);
    },
    async reconfigure({ embed: { intervalS }, cameras: next }) {
      options = { ...options, intervalS };
      for (const id of cameras.keys())
        if (!known.has(id) && !next.some((camera) => camera.id === id)) cameras.delete(id);
      known.replace(next.map(({ id }) => id));
      whole.replace(recordingsOf(next));
      for (const id of ended) if (!known.has(id)) ended.delete(id);
      return true;
    },
    status: () => ({
      phase: whole.areOver(known.ids, ended, cameras) ? 'Completed' : 'Running',
      cameras: [],
      figures: { ...figures },
    }),
  };
}

/** One line for each person who left a camera. */
function tellEnds(events: StageEvent[], log: Log): StageEvent[] {
  for (const { type, data } of events) {
    if (type !== eventTypes.tracklets) continue;
    const { camera, tracklets } = data as TrackletsData;
    for (const { track, phase, from, to, observations, revision } of tracklets)
      if (phase === 'end') log.info({ camera, track, from, to, observations, revision }, 'track ended');
  }
  return events;
}

function begins({ session, time }: TracksData): boolean {
  return session === sessionAt(time);
}

/** Whoever joins a live session late numbers revisions anew: its tracks must not look like those of the process before. */
function lifeOf(frame: TracksData): string {
  return begins(frame) ? frame.session : `${frame.session}-${sessionAt(frame.time)}`;
}

/** Wires the stage to its model file. */
export async function create(worker: WorkerConfig, log: Log): Promise<StageFunction> {
  const model = worker.models.embed;
  if (!model)
    throw new PermanentError('embed needs a model: set stages.embed.modelRef to a row of the catalogue');
  const path = await ensureModel(model);
  const embed = await openEmbedder(path, model, worker.embed.threads);
  log.info({ stage: 'embed', model: model.name, sha256: model.sha256 }, 'model loaded');
  const same = model.sameThreshold ?? 0.5;
  return createEmbed({
    embed,
    model,
    options: {
      ...defaultTrackletOptions,
      intervalS: worker.embed.intervalS,
      // Half-way between "surely the same person" and "identical": the scale follows the model.
      prototypes: { ...defaultTrackletOptions.prototypes, joinSimilarity: (1 + same) / 2 },
    },
    knownCameras: new Set(worker.cameras.map((camera) => camera.id)),
    recordings: recordingsOf(worker.cameras),
    source: `/namespaces/${worker.task.namespace}/multiedgeinferences/${worker.task.name}`,
  });
}
