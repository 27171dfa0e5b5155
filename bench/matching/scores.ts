// Scores of identities: against the person of each track, or against boxes frame by frame.
import type { MotRow } from '../accuracy/motFiles.ts';
import { bestPairing } from './assignment.ts';
import type { Recording } from './recording.ts';

/** `camera/track` -> identity; tracks without one count as not found. */
export type Identities = ReadonlyMap<string, string>;

export interface Scores {
  idf1: number;
  /** How well the sightings that were found are put together (HOTA's association accuracy at IoU 0.5). */
  assa: number;
  /** Of pairs of tracks (weighted by nothing): said to be one person and are; are and said to be. */
  precision: number;
  recall: number;
  /** Share of observations that lie in the identity's main person. */
  purity: number;
  identities: number;
  people: number;
}

/** One thing seen: the person it is, the identity it was given, how much it counts. */
interface Sighting {
  person: string | undefined;
  identity: string | undefined;
  weight: number;
}

/** Tracks with one true person each, weighted by their observations. */
export function scoreTracks(recording: Recording, identities: Identities): Scores {
  const weights = new Map<string, number>();
  for (const { data } of recording.arrivals) {
    for (const { track, observations } of data.tracklets)
      weights.set(`${data.camera}/${track}`, observations);
  }
  const sightings = [...recording.people!].map(([key, person]) => ({
    person,
    identity: identities.get(key),
    weight: weights.get(key) ?? 0,
  }));
  return summarize(sightings, sightings);
}

/** One true box, the track whose box covers it, or both. */
interface Cover {
  person: string | undefined;
  /** `camera/track` */
  key: string | undefined;
}

/** True boxes by camera. */
export type BoxTruth = ReadonlyMap<string, MotRow[]>;

/** Boxes against true boxes, frame by frame at IoU 0.5; a track's person is the one it covers most. */
export function scoreBoxes(
  recording: Recording,
  identities: Identities,
  truth: BoxTruth,
  stride: number,
): Scores {
  const covers = coversOf(recording, truth, stride);
  const sightings = covers.map(({ person, key }) => ({
    person,
    identity: key && (identities.get(key) ?? key),
    weight: 1,
  }));
  const tracks = [...mostCovered(covers)].map(([key, { person, weight }]) => {
    return { person, identity: identities.get(key), weight };
  });
  return summarize(sightings, tracks);
}

/** The person that each track covers most, `camera/track`; tracks that cover nobody are left out. */
export function peopleOfTracks(recording: Recording, truth: BoxTruth, stride: number): Map<string, string> {
  const most = mostCovered(coversOf(recording, truth, stride));
  return new Map([...most].map(([key, { person }]) => [key, person]));
}

function mostCovered(covers: readonly Cover[]): Map<string, { person: string; weight: number }> {
  const counts = new Map<string, Map<string, number>>();
  for (const { person, key } of covers) {
    if (person === undefined || key === undefined) continue;
    const people = counts.get(key) ?? new Map<string, number>();
    counts.set(key, people.set(person, (people.get(person) ?? 0) + 1));
  }
  return new Map(
    [...counts].map(([key, people]) => {
      const [person, weight] = [...people].reduce((most, next) => (next[1] > most[1] ? next : most));
      return [key, { person, weight }];
    }),
  );
}

function coversOf(recording: Recording, truth: BoxTruth, stride: number): Cover[] {
  const covers: Cover[] = [];
  for (const camera of recording.cameras) {
    const rows = truth.get(camera)!.filter(({ frame }) => (frame - 1) % stride === 0);
    const boxes = recording.boxes!.filter((each) => each.camera === camera);
    const byFrame = new Map<number, typeof boxes>();
    for (const box of boxes) byFrame.set(box.frame, [...(byFrame.get(box.frame) ?? []), box]);
    const usedBoxes = new Set<(typeof boxes)[number]>();
    for (const row of rows) {
      let best: (typeof boxes)[number] | undefined;
      let bestOverlap = 0.5;
      for (const candidate of byFrame.get(row.frame) ?? []) {
        const value = usedBoxes.has(candidate) ? 0 : overlap(row, candidate.box);
        if (value >= bestOverlap) [best, bestOverlap] = [candidate, value];
      }
      if (best) usedBoxes.add(best);
      covers.push({ person: String(row.id), key: best && `${camera}/${best.track}` });
    }
    for (const box of boxes)
      if (!usedBoxes.has(box)) covers.push({ person: undefined, key: `${camera}/${box.track}` });
  }
  return covers;
}

function summarize(sightings: Sighting[], tracks: Sighting[]): Scores {
  const people = [...new Set(sightings.flatMap(({ person }) => person ?? []))];
  const names = [...new Set(sightings.flatMap(({ identity }) => identity ?? []))];
  const column = new Map(names.map((name, i) => [name, i]));
  const row = new Map(people.map((name, i) => [name, i]));
  const weights = people.map(() => names.map(() => 0));
  let [trueTotal, foundTotal] = [0, 0];
  for (const { person, identity, weight } of sightings) {
    if (person !== undefined) trueTotal += weight;
    if (identity !== undefined) foundTotal += weight;
    if (person !== undefined && identity !== undefined)
      weights[row.get(person)!]![column.get(identity)!]! += weight;
  }
  const pure = names.reduce((sum, _, j) => sum + Math.max(0, ...weights.map((line) => line[j]!)), 0);
  return {
    idf1: (2 * bestPairing(weights)) / (trueTotal + foundTotal),
    assa: associationAccuracy(weights, people, names, sightings),
    ...pairs(tracks),
    purity: pure / foundTotal,
    identities: names.length,
    people: people.length,
  };
}

/** Mean over what was found of how much its person and its identity have in common. */
function associationAccuracy(
  weights: number[][],
  people: readonly string[],
  names: readonly string[],
  sightings: readonly Sighting[],
): number {
  const ofPerson = new Map<string, number>();
  const ofName = new Map<string, number>();
  for (const { person, identity, weight } of sightings) {
    if (person !== undefined) ofPerson.set(person, (ofPerson.get(person) ?? 0) + weight);
    if (identity !== undefined) ofName.set(identity, (ofName.get(identity) ?? 0) + weight);
  }
  let [sum, found] = [0, 0];
  weights.forEach((line, i) =>
    line.forEach((both, j) => {
      if (both === 0) return;
      sum += (both * both) / (ofPerson.get(people[i]!)! + ofName.get(names[j]!)! - both);
      found += both;
    }),
  );
  return sum / Math.max(1, found);
}

function pairs(tracks: Sighting[]): { precision: number; recall: number } {
  let [both, said, real] = [0, 0, 0];
  for (let i = 0; i < tracks.length; i++) {
    for (let j = i + 1; j < tracks.length; j++) {
      const one = tracks[i]!.identity !== undefined && tracks[i]!.identity === tracks[j]!.identity;
      const same = tracks[i]!.person === tracks[j]!.person;
      if (one) said += 1;
      if (same) real += 1;
      if (one && same) both += 1;
    }
  }
  return { precision: both / Math.max(1, said), recall: both / Math.max(1, real) };
}

function overlap(
  { left, top, width, height }: MotRow,
  [x1, y1, x2, y2]: [number, number, number, number],
): number {
  const across = Math.min(left + width, x2) - Math.max(left, x1);
  const down = Math.min(top + height, y2) - Math.max(top, y1);
  if (across <= 0 || down <= 0) return 0;
  const shared = across * down;
  return shared / (width * height + (x2 - x1) * (y2 - y1) - shared);
}
