// The plain ways of telling people that the benchmark compares the matcher with. Called by ../identity.
import type { Recording } from './recording.ts';
import type { Identities } from './scores.ts';

/** Every track is a person of its own: what cameras alone know. */
export function matchAlone(recording: Recording): Identities {
  return new Map(allTracks(recording).map((key) => [key, key]));
}

/** Each finished track takes the identity of the most similar earlier track, if it is similar enough. */
export function matchNearest(recording: Recording, threshold: number): Identities {
  const means = meanVectors(recording);
  const identities = new Map<string, string>();
  const seen: string[] = [];
  for (const { data } of recording.arrivals) {
    for (const tracklet of data.tracklets) {
      if (tracklet.phase !== 'end') continue;
      const key = `${data.camera}/${tracklet.track}`;
      const mean = means.get(key);
      let best = key;
      let bestSimilarity = threshold;
      for (const other of mean ? seen : []) {
        const similarity = dot(mean!, means.get(other)!);
        if (similarity > bestSimilarity) [best, bestSimilarity] = [other, similarity];
      }
      identities.set(key, best === key ? key : identities.get(best)!);
      if (mean) seen.push(key);
    }
  }
  return identities;
}

/** Average linkage over everything at once, down to a threshold; knows no time and no place. */
export function matchOffline(recording: Recording, threshold: number): Identities {
  const means = meanVectors(recording);
  const keys = allTracks(recording).filter((key) => means.has(key));
  const n = keys.length;
  const linkage = keys.map((a) => keys.map((b) => dot(means.get(a)!, means.get(b)!)));
  const members: (string[] | undefined)[] = keys.map((key) => [key]);
  for (;;) {
    let [bestA, bestB, best] = [-1, -1, threshold];
    for (let a = 0; a < n; a++) {
      if (!members[a]) continue;
      for (let b = a + 1; b < n; b++)
        if (members[b] && linkage[a]![b]! > best) [bestA, bestB, best] = [a, b, linkage[a]![b]!];
    }
    if (bestA < 0) break;
    const [first, second] = [members[bestA]!, members[bestB]!];
    for (let c = 0; c < n; c++) {
      const value =
        (first.length * linkage[bestA]![c]! + second.length * linkage[bestB]![c]!) /
        (first.length + second.length);
      linkage[bestA]![c] = value;
      linkage[c]![bestA] = value;
    }
    first.push(...second);
    members[bestB] = undefined;
  }
  const identities = new Map<string, string>();
  for (const group of members) for (const key of group ?? []) identities.set(key, group![0]!);
  return identities;
}

function allTracks(recording: Recording): string[] {
  return [
    ...new Set(
      recording.arrivals.flatMap(({ data }) => data.tracklets.map(({ track }) => `${data.camera}/${track}`)),
    ),
  ];
}

/** Mean of a track's final prototypes by weight, length 1. */
function meanVectors(recording: Recording): Map<string, Float32Array> {
  const slots = new Map<string, Map<number, { vector: Int8Array; scale: number; weight: number }>>();
  for (const { data } of recording.arrivals) {
    for (const { track, prototypes } of data.tracklets) {
      const key = `${data.camera}/${track}`;
      const own = slots.get(key) ?? new Map<number, { vector: Int8Array; scale: number; weight: number }>();
      for (const prototype of prototypes) own.set(prototype.slot, prototype);
      if (own.size > 0) slots.set(key, own);
    }
  }
  const means = new Map<string, Float32Array>();
  for (const [key, own] of slots) {
    const all = [...own.values()];
    const mean = new Float32Array(all[0]!.vector.length);
    for (const { vector, scale, weight } of all) {
      for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]! * scale * weight;
    }
    const norm = Math.hypot(...mean);
    means.set(
      key,
      mean.map((value) => value / norm),
    );
  }
  return means;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
