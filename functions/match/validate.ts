// Checks tracklets as they come in from the edge, so that everything behind can trust them. Called by handler.ts.
import type { Tracklet, TrackletsData } from '../../config/events.ts';
import { PermanentError } from '../function.ts';

const mostDimensions = 4096;
const mostTracklets = 10_000;
const mostPrototypes = 8;
const mostPoints = 100_000;
const phases = new Set(['start', 'update', 'end']);

/** @throws PermanentError that says what is wrong and where */
export function checkTracklets(data: TrackletsData): void {
  const refuse = (what: string): never => {
    throw new PermanentError(`tracklets of camera ${String(data?.camera)}: ${what}`);
  };
  if (typeof data?.camera !== 'string' || data.camera === '') refuse('camera is not a name');
  if (typeof data.model !== 'string' || data.model === '') refuse('model is not a digest');
  if (!Number.isInteger(data.dimensions) || data.dimensions < 1 || data.dimensions > mostDimensions) {
    refuse(`dimensions is ${String(data.dimensions)}, not 1 to ${mostDimensions}`);
  }
  if (!(data.image?.width > 0 && data.image.height > 0)) refuse('image has no width and height');
  if (!Array.isArray(data.tracklets) || data.tracklets.length > mostTracklets) {
    refuse(`tracklets is not a list of at most ${mostTracklets}`);
  }
  for (const tracklet of data.tracklets) checkTracklet(tracklet, data.dimensions, refuse);
}

function checkTracklet(tracklet: Tracklet, dimensions: number, refuse: (what: string) => never): void {
  const { track, phase, revision, from, to, observations, path, prototypes } = tracklet;
  if (typeof track !== 'string' || track === '') refuse('a track has no name');
  if (!phases.has(phase)) refuse(`track ${track}: phase is ${String(phase)}`);
  if (!Number.isInteger(revision) || revision < 1) refuse(`track ${track}: revision is ${String(revision)}`);
  if (!Number.isFinite(from) || !Number.isFinite(to) || to < from) {
    refuse(`track ${track}: it lasts from ${String(from)} to ${String(to)}`);
  }
  if (!Number.isInteger(observations) || observations < 0)
    refuse(`track ${track}: observations is ${String(observations)}`);
  if (!(path instanceof Float32Array) || path.length % 5 !== 0 || path.length > 5 * mostPoints) {
    refuse(`track ${track}: path is not n x 5 numbers`);
  }
  if (!path.every(Number.isFinite)) refuse(`track ${track}: path has a value that is no number`);
  if (!Array.isArray(prototypes) || prototypes.length > mostPrototypes) {
    refuse(`track ${track}: prototypes is not a list of at most ${mostPrototypes}`);
  }
  for (const { slot, vector, scale, quality, time, weight } of prototypes) {
    if (!Number.isInteger(slot) || slot < 0 || slot >= mostPrototypes)
      refuse(`track ${track}: slot ${String(slot)}`);
    if (!(vector instanceof Int8Array) || vector.length !== dimensions) {
      refuse(`track ${track}: a vector has ${String(vector?.length)} values, not ${dimensions}`);
    }
    if (![scale, quality, time, weight].every(Number.isFinite) || weight <= 0) {
      refuse(`track ${track}: slot ${slot} has a scale, quality, time or weight that is no number`);
    }
  }
}
