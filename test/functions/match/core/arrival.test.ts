import { expect, test } from '@jest/globals';
import { createArrival, type Arrival } from '../../../../functions/match/core/arrival.ts';
import type { Revision } from '../../../../functions/match/core/revise.ts';

function revision(track: string, to: number): Revision {
  const path = new Float32Array(0);
  const tracklet = {
    track,
    phase: 'update',
    revision: 1,
    from: to,
    to,
    observations: 1,
    path,
    prototypes: [],
  };
  const image = { width: 640, height: 480 };
  return { camera: 'a', model: 'm', image, tracklet: tracklet as Revision['tracklet'] };
}

const takeAll = (arrival: Arrival) => {
  const taken: string[] = [];
  for (let next = arrival.next(new Set()); next; next = arrival.next(new Set()))
    taken.push(next.revision.tracklet.track);
  return taken;
};

test.each([
  ['s', 's.2', true],
  ['s', 't.1', false],
  // Who ends without saying what has ended begins anew with whatever comes.
  [undefined, 's.2', false],
])('after the end of session %p track %s leaves the camera ended: %p', (session, track, isEnded) => {
  const arrival = createArrival(['a'], 100);
  arrival.put(revision('s.1', 10), 10);
  arrival.end('a', session);
  arrival.put(revision(track, 9), 9);
  expect(arrival.ended()).toBe(isEnded);
  expect(takeAll(arrival)).toEqual(['s.1', track]);
});
