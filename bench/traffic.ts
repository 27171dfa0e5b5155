// What embed workers send of cameras with people in view, for benchmarks of what comes after them.
import { eventTypes, type StageEvent, type Tracklet, type TrackletsData } from '../config/events.ts';
import type { QuantizedVector } from '../config/quantize.ts';
import type { OutgoingEvent } from '../delivery/eventRows.ts';
import { toEnvelope } from '../functions/host/codec.ts';
import { random } from '../test/functions/match/world.ts';

export const peopleInView = 5;
/** A person is in view for so long; a tracklet is sent at its start, every 5 s, and at its end. */
export const visitS = 20;
export const startS = 1_700_000_000;

const madeUpDimensions = 256;
const seed = 7;

/** How people look, vectors of one model: each call gives one look of the person of that number. */
export interface Looks {
  dimensions: number;
  model: string;
  /** Somebody who may come by the camera of that number. */
  passerBy(camera: number, next: () => number): number;
  of(person: number, next: () => number): QuantizedVector;
}

/** People whose vectors differ at random and vary a little. */
export function madeUpLooks(people: number): Looks {
  const next = random(seed);
  const looks = Array.from({ length: people }, () =>
    Float64Array.from({ length: madeUpDimensions }, () => next() - 0.5),
  );
  return {
    dimensions: madeUpDimensions,
    model: 'ab'.repeat(32),
    passerBy: (_camera, choose) => Math.floor(choose() * people),
    of: (person, noise) => {
      const vector = Int8Array.from(looks[person]!, (value) =>
        Math.round((value + (noise() - 0.5) * 0.3) * 150),
      );
      return { vector, scale: 1 / Math.hypot(...vector) };
    },
  };
}

/** Five people in view of each camera, `seconds` long, in the order of media time. */
export function traffic(
  cameras: readonly string[],
  seconds: number,
  looks: Looks,
  from = startS,
): StageEvent<TrackletsData>[] {
  const next = random(seed);
  const events: { at: number; event: StageEvent<TrackletsData> }[] = [];
  for (const [number, camera] of cameras.entries())
    for (let place = 0; place < peopleInView; place++) {
      let visit = 0;
      for (let begin = (place * visitS) / peopleInView; begin < seconds; begin += visitS) {
        const person = looks.passerBy(number, next);
        const track = `s.${place * 100_000 + visit++}`;
        for (const tracklet of revisions(track, from + begin, () => looks.of(person, next), next))
          events.push({ at: tracklet.to, event: eventOf(camera, tracklet, looks) });
      }
    }
  return events.sort((a, b) => a.at - b.at).map(({ event }) => event);
}

/** @param begin media time, seconds */
function revisions(
  track: string,
  begin: number,
  look: () => QuantizedVector,
  next: () => number,
): Tracklet[] {
  const steps = [1, 6, 11, 16, visitS];
  return steps.map((after, i) => {
    const to = begin + after;
    const seen = i === 0 ? 1 : after - steps[i - 1]!;
    const path = Float32Array.from({ length: 5 * seen }, (_, at) =>
      at % 5 === 0 ? after - seen + at / 5 : next(),
    );
    return {
      track,
      phase: i === 0 ? 'start' : i === steps.length - 1 ? 'end' : 'update',
      revision: i + 1,
      from: begin,
      to,
      observations: after * 5,
      path,
      prototypes: i < 3 ? [{ slot: i, ...look(), quality: 0.8, time: to, weight: 4 }] : [],
    };
  });
}

function eventOf(
  camera: string,
  tracklet: Tracklet,
  { model, dimensions }: Looks,
): StageEvent<TrackletsData> {
  return {
    id: `${tracklet.track}.${tracklet.revision}`,
    source: `/namespaces/default/multiedgeinferences/bench/embed/${camera}`,
    type: eventTypes.tracklets,
    time: new Date(tracklet.to * 1000).toISOString(),
    partitionkey: camera,
    data: { camera, model, dimensions, image: { width: 1280, height: 720 }, tracklets: [tracklet] },
  };
}

/** As a node's outbox takes it: of what waits, updates give way first. */
export function outgoing(event: StageEvent<TrackletsData>): OutgoingEvent {
  const isUpdate = event.data.tracklets.every(({ phase }) => phase === 'update');
  return { envelope: toEnvelope(event), target: event.type, rank: isUpdate ? 'update' : 'lasting' };
}
