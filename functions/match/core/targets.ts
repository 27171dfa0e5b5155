// Who of the people seen is somebody that the task looks for. The handler feeds it every trace that changed and tells what it gives.
// Query pictures come from no camera of the site, so that vectors are compared as they are, without camera means.
import { isOpen, addUnit, traceKey, type Trace } from './trace.ts';

export interface Target {
  name: string;
  /** Digest of the embedder that made the vectors: others are never compared with them. */
  model: string;
  /** One for each query picture, each of length 1. */
  vectors: Float32Array[];
}

export interface TargetSettings {
  /** Cosine similarity from which a person is the target. */
  threshold: number;
  /** Cosine similarity by which the best target must lead the next. */
  margin: number;
  /** Below this similarity to every target a person is unknown. */
  unknownBelow: number;
  /** Share of the best of a track's vectors in a similarity; the rest is that of their mean. */
  bestPairShare: number;
}

/** A target was recognised in a track. */
export interface Sighting {
  target: string;
  camera: string;
  track: string;
  identity: string;
  score: number;
  /** Lead over the next target; null with a single one. */
  margin: number | null;
  reason: string;
}

/** What is looked at of a trace, or of a track of the store. */
export type SeenTrace = Pick<
  Trace,
  'camera' | 'track' | 'from' | 'to' | 'identity' | 'model' | 'appearances' | 'stays'
>;

export interface Targets {
  /** Looks at traces whose identity is known; gives sightings that were not given before. */
  consider(traces: readonly SeenTrace[]): Sighting[];
  /** Whether anybody was seen so far who is none of the targets. */
  unknownSeen(): boolean;
  /** What a restart knows already: sightings are not given again. */
  restore(sighted: readonly Pick<Sighting, 'target' | 'camera' | 'track'>[], unknownSeen: boolean): void;
}

/** Tracks whose sighting is remembered: those sighted last. */
const mostRemembered = 10_000;

export function createTargets(targets: readonly Target[], settings: TargetSettings): Targets {
  const sighted = new Map<string, string>();
  /** For each target who bore it last in each camera, so that one is not in one camera twice at a time. */
  const bearers = new Map<string, { trace: SeenTrace; score: number }>();
  let unknown = false;

  function judge(trace: SeenTrace): Sighting | undefined {
    const ranked = rank(trace, targets, settings.bestPairShare);
    const [best, next] = ranked;
    if (!best) return undefined;
    if (best.score < settings.unknownBelow && !isOpen(trace)) unknown = true;
    const margin = next ? best.score - next.score : null;
    if (best.score < settings.threshold || (margin !== null && margin < settings.margin)) return undefined;
    const place = JSON.stringify([best.target, trace.camera]);
    const bearer = bearers.get(place);
    if (bearer && bearer.trace !== trace && together(bearer.trace, trace) && bearer.score >= best.score)
      return undefined;
    bearers.set(place, { trace, score: best.score });
    const key = traceKey(trace.camera, trace.track);
    if (sighted.get(key) === best.target) return undefined;
    sighted.delete(key);
    sighted.set(key, best.target);
    if (sighted.size > mostRemembered) sighted.delete(sighted.keys().next().value!);
    const against = next ? `, the next, ${next.target}, ${next.score.toFixed(2)}` : '';
    return {
      target: best.target,
      camera: trace.camera,
      track: trace.track,
      identity: trace.identity!,
      score: best.score,
      margin,
      reason: `similarity to the query pictures ${best.score.toFixed(2)}${against}`,
    };
  }

  return {
    consider: (traces) =>
      traces.filter(({ identity }) => identity !== undefined).flatMap((trace) => judge(trace) ?? []),
    unknownSeen: () => unknown,
    restore(known, unknownSeen) {
      for (const { target, camera, track } of known) sighted.set(traceKey(camera, track), target);
      unknown = unknownSeen;
    },
  };
}

/** Targets that the trace can be compared with, most similar first; names break ties. */
export function rank(
  trace: Pick<Trace, 'model' | 'appearances'>,
  targets: readonly Target[],
  bestPairShare: number,
): { target: string; score: number }[] {
  const parts: Float32Array[] = [];
  let mean: Float32Array | undefined;
  for (const appearance of trace.appearances) {
    if (!appearance) continue;
    const part = new Float32Array(appearance.vector.length);
    addUnit(part, appearance.vector, 1);
    parts.push(part);
    mean ??= new Float32Array(part.length);
    for (let i = 0; i < part.length; i++) mean[i]! += part[i]! * appearance.weight;
  }
  if (!mean) return [];
  const norm = Math.sqrt(dot(mean, mean)) || 1;
  const similarity = (vector: Float32Array) => {
    const best = parts.reduce((most, part) => Math.max(most, dot(part, vector)), -1);
    return (1 - bestPairShare) * (dot(mean, vector) / norm) + bestPairShare * best;
  };
  return targets
    .filter(({ model, vectors }) => model === trace.model && vectors.length > 0)
    .map(({ name, vectors }) => ({ target: name, score: Math.max(...vectors.map(similarity)) }))
    .sort((a, b) => b.score - a.score || (a.target < b.target ? -1 : 1));
}

function together(a: SeenTrace, b: SeenTrace): boolean {
  return a.camera === b.camera && a.from <= b.to && b.from <= a.to;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
