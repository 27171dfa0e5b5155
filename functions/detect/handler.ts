// The detect stage: finds people in each frame and follows them within their camera, so that embed is asked for a few
// good crops a track instead of every box of every frame.
import { eventTypes, sessionAt, type Crop, type FrameData, type StageEvent } from '../../config/events.ts';
import type { StreamData, TracksData } from '../../config/events.ts';
import type { ModelConfig, WorkerConfig } from '../../config/worker.ts';
import { PermanentError, type Log, type StageFunction } from '../function.ts';
import { KnownCameras } from '../knownCameras.ts';
import { recordingsOf, WholeRecordings } from '../wholeRecordings.ts';
import { releaseRgb } from '../media/pixels.ts';
import { cropResize, resizeRgb } from '../media/resize.ts';
import { openDetector, type Detect } from '../media/inference.ts';
import { ensureModel } from '../media/models.ts';
import { describeColours } from './core/appearance.ts';
import { chooseCrops, createCropState, type CropState } from './core/crops.ts';
import type { SeenDetections, TrackedFrame } from './core/detections.ts';
import { createGate, needsDetection, type GateState } from './core/motionGate.ts';
import { selectDetections } from './core/nms.ts';
import { createTracker, followedBy, retune, step, type TrackerState } from './core/tracker.ts';
import { detectParts, type DetectParts } from './options.ts';
import { createRecorder, type Recorder } from './recorder.ts';

export interface DetectDependencies {
  detect: Detect;
  model: ModelConfig;
  parts: DetectParts;
  /** Cameras of this worker; frames of others are refused, which also bounds what is remembered. */
  knownCameras: ReadonlySet<string>;
  /** Those of them that are recordings: they are taken from their beginning only. */
  recordings?: Iterable<string>;
  /** Size of the crops: the embedder's input, so that they are resized once. */
  cropSize: { width: number; height: number };
  /** Start of every emitted event's source, up to the stage. */
  source: string;
  /** Opens local results of a camera; absent: none are kept. */
  openRecorder?: (camera: string) => Recorder;
}

interface CameraState {
  session: string;
  tracker: TrackerState;
  crops: CropState;
  gate: GateState;
  /** In the last picture that the detector looked at. */
  found: SeenDetections | undefined;
  recorder: Recorder | undefined;
  people: number;
}

/** The stage bound to its model; see DetectDependencies. */
export function createDetect(dependencies: DetectDependencies): StageFunction {
  const { detect, model, cropSize, source, openRecorder } = dependencies;
  const known = new KnownCameras(dependencies.knownCameras);
  const whole = new WholeRecordings(dependencies.recordings ?? []);
  let { parts } = dependencies;
  const cameras = new Map<string, CameraState>();
  const ended = new Set<string>();
  const figures = { frames: 0, unchanged: 0, boxes: 0, crops: 0, tracks: 0 };

  function open(frame: FrameData): CameraState {
    return {
      // Media time, not the wall clock: a replay of the same frames gives the same names.
      session: sessionAt(frame.time),
      tracker: createTracker(parts.tracker),
      crops: createCropState(parts.crops),
      gate: createGate(parts.gate),
      found: undefined,
      recorder: openRecorder?.(frame.camera),
      people: 0,
    };
  }

  async function detections(
    { gate, tracker, found }: CameraState,
    frame: FrameData,
  ): Promise<SeenDetections> {
    if (!needsDetection(gate, frame.pixels, frame, frame.time, followedBy(tracker)) && found) {
      figures.unchanged += 1;
      return found;
    }
    const input = await resizeRgb(frame, model.input, model.input.resize);
    const raw = await detect(input.pixels);
    releaseRgb(input.pixels);
    const boxes = selectDetections(raw.boxes, raw.scores, input, frame, parts.nms);
    return { ...boxes, appearance: describeColours(frame.pixels, frame, boxes) };
  }

  async function cut(camera: CameraState, frame: FrameData, tracked: TrackedFrame): Promise<Crop[]> {
    const chosen = chooseCrops(camera.crops, tracked, frame.time, frame);
    if (chosen.trackIds.length === 0) return [];
    const boxOf = new Map(tracked.tracks.map((track) => [track.id, track.box]));
    const boxes = Float32Array.from(chosen.trackIds.flatMap((id) => [...boxOf.get(id)!]));
    const pixels = await cropResize(frame, boxes, cropSize);
    return chosen.trackIds.map((track, i) => ({
      track,
      quality: chosen.qualities[i]!,
      time: frame.time,
      ...cropSize,
      pixels: pixels[i]!,
    }));
  }

  async function onFrame(
    event: StageEvent<FrameData>,
    nowMs: number,
  ): Promise<StageEvent<TracksData> | undefined> {
    const frame = event.data;
    known.check(frame.camera, nowMs);
    ended.delete(frame.camera);
    let camera = cameras.get(frame.camera);
    // Queued before it was known that the recording begins again.
    if (!camera && whole.has(frame.camera) && frame.begins !== true) return undefined;
    if (!camera) cameras.set(frame.camera, (camera = open(frame)));
    camera.found = await detections(camera, frame);
    const tracked = step(camera.tracker, camera.found, frame.time);
    const data = tracksData(camera.session, frame, tracked, await cut(camera, frame, tracked));
    await camera.recorder?.record(frame, data);
    releaseRgb(frame.pixels);
    camera.people = data.ids.length;
    figures.frames += 1;
    figures.boxes += data.ids.length;
    figures.crops += data.crops.length;
    figures.tracks += tracked.tracks.filter((track) => track.started).length;
    return tracksEvent(event, data);
  }

  async function onStream(event: StageEvent<StreamData>): Promise<StageEvent[]> {
    const name = event.data.camera;
    const camera = cameras.get(name);
    if (!camera && whole.has(name) && event.data.begins !== true) throw whole.lacking(name);
    if (known.has(name)) ended.add(name);
    const passedOn = { ...event, source: `${source}/detect/${name}` };
    if (!camera) return [passedOn];
    cameras.delete(name);
    await camera.recorder?.close();
    return [{ ...passedOn, data: { ...event.data, session: camera.session } }];
  }

  function tracksEvent(cause: StageEvent, data: TracksData): StageEvent<TracksData> {
    const { id, time, traceparent, partitionkey } = cause;
    return {
      id,
      source: `${source}/detect/${data.camera}`,
      type: eventTypes.tracks,
      ...(time !== undefined && { time }),
      ...(traceparent !== undefined && { traceparent }),
      ...(partitionkey !== undefined && { partitionkey }),
      data,
    };
  }

  return {
    admit({ type, data }, context) {
      if (type !== eventTypes.frame && type !== eventTypes.stream) return;
      const { camera, begins = false } = data as FrameData | StreamData;
      known.waitFor(camera, context.now());
      whole.admit(camera, camera, begins);
    },
    async beginAgain(name) {
      const camera = cameras.get(name);
      cameras.delete(name);
      whole.forget(name);
      await camera?.recorder?.close();
    },
    async handle(event, context) {
      if (event.type === eventTypes.frame)
        return (await onFrame(event as StageEvent<FrameData>, context.now())) ?? [];
      if (event.type === eventTypes.stream) return onStream(event as StageEvent<StreamData>);
      throw new PermanentError(`detect takes frame and stream events, not ${event.type}`);
    },
    async reconfigure({ detect: { params }, cameras: next }) {
      parts = detectParts(model, params);
      for (const { tracker, crops, gate } of cameras.values()) {
        retune(tracker, parts.tracker);
        crops.options = parts.crops;
        gate.options = parts.gate;
      }
      // The end of a camera that is gone is on its way; one that never came is not waited for twice.
      for (const [id, { recorder }] of cameras) {
        if (known.has(id) || next.some((camera) => camera.id === id)) continue;
        cameras.delete(id);
        await recorder?.close();
      }
      known.replace(next.map(({ id }) => id));
      whole.replace(recordingsOf(next));
      for (const id of ended) if (!known.has(id)) ended.delete(id);
      return true;
    },
    async shutdown() {
      for (const { recorder } of cameras.values()) await recorder?.close();
    },
    status: () => ({
      phase: whole.areOver(known.ids, ended, cameras) ? 'Completed' : 'Running',
      cameras: [...cameras].map(([camera, { people }]) => ({
        camera,
        state: 'connected',
        fps: 0,
        frames: 0,
        dropped: 0,
        people,
      })),
      figures: { ...figures },
    }),
  };
}

/** Rows are the tracks that a detection supports in this frame. */
function tracksData(session: string, frame: FrameData, tracked: TrackedFrame, crops: Crop[]): TracksData {
  const seen = tracked.tracks.filter((track) => !track.lost);
  const { camera, sequence, time, width, height } = frame;
  return {
    camera,
    session,
    sequence,
    time,
    width,
    height,
    ids: Uint32Array.from(seen, (track) => track.id),
    boxes: Float32Array.from(seen.flatMap((track) => track.box)),
    scores: Float32Array.from(seen, (track) => track.score),
    ended: Uint32Array.from(tracked.endedIds),
    crops,
  };
}

/** Wires the stage to its model file and, in local mode, to the results folder. */
export async function create(worker: WorkerConfig, log: Log): Promise<StageFunction> {
  const model = worker.models.detect;
  if (!model)
    throw new PermanentError('detect needs a model: set stages.detect.modelRef to a row of the catalogue');
  const path = await ensureModel(model);
  const detect = await openDetector(path, model, worker.detect.threads);
  log.info({ stage: 'detect', model: model.name, sha256: model.sha256 }, 'model loaded');
  const { resultsFolder } = worker;
  return createDetect({
    detect,
    model,
    parts: detectParts(model, worker.detect.params),
    knownCameras: new Set(worker.cameras.map((camera) => camera.id)),
    recordings: recordingsOf(worker.cameras),
    cropSize: worker.models.embed?.input ?? { width: 128, height: 256 },
    source: `/namespaces/${worker.task.namespace}/multiedgeinferences/${worker.task.name}`,
    ...(resultsFolder !== undefined && {
      openRecorder: (camera) => createRecorder(resultsFolder, camera, log),
    }),
  });
}
