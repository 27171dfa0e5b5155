import { expect, test } from '@jest/globals';
import type { SeenDetections, TrackedFrame } from '../../../../functions/detect/core/detections.ts';
import { createTracker, step, type TrackerState } from '../../../../functions/detect/core/tracker.ts';

/** x and y of the centre, score. People are 40 x 100 pixels. */
type Person = [x: number, y: number, score?: number];

function see(people: Person[], looks?: number[][]): SeenDetections {
  return {
    boxes: Float32Array.from(people.flatMap(([x, y]) => [x - 20, y - 50, x + 20, y + 50])),
    scores: Float32Array.from(people, ([, , score]) => score ?? 0.9),
    count: people.length,
    ...(looks !== undefined && { appearance: Float32Array.from(looks.flat()) }),
  };
}

const nobody = see([]);
const idsOf = (frame: TrackedFrame) => frame.tracks.filter((track) => !track.lost).map((track) => track.id);

function settled(people: Person[]): TrackerState {
  const state = createTracker();
  for (let k = 0; k < 5; k++) step(state, see(people), k * 0.2);
  return state;
}

test.each([
  ['25 frames/s', 0.04],
  ['7 frames/s', 1 / 7],
  ['2 frames/s', 0.5],
  ['1 frame/s', 1],
])('two people who pass each other keep their ids at %s', (_, dtSeconds) => {
  const state = createTracker();
  const leftmost: number[] = [];
  for (let time = 0; time <= 8; time += dtSeconds) {
    const walk = 70 * time;
    const frame = step(
      state,
      see([
        [100 + walk, 200],
        [660 - walk, 235],
      ]),
      time,
    );
    leftmost.push(frame.tracks.find((track) => track.detection === 0)!.id);
  }
  expect(new Set(leftmost).size).toBe(1);
  expect(state.lastId).toBe(2);
});

test('reports the first frame at once, later births at their second detection', () => {
  const state = createTracker();
  expect(step(state, see([[100, 100]]), 0).tracks).toMatchObject([{ id: 1, started: true, detection: 0 }]);
  expect(
    idsOf(
      step(
        state,
        see([
          [100, 100],
          [300, 100],
        ]),
        0.1,
      ),
    ),
  ).toEqual([1]);
  const third = step(
    state,
    see([
      [100, 100],
      [300, 100],
    ]),
    0.2,
  );
  expect(third.tracks).toMatchObject([
    { id: 1, started: false },
    { id: 2, started: true, detection: 1 },
  ]);
});

test('a slow camera reports a sure person at once and an unsure one later', () => {
  const state = createTracker();
  step(state, nobody, 0);
  expect(
    idsOf(
      step(
        state,
        see([
          [100, 100, 0.9],
          [300, 100, 0.6],
        ]),
        1,
      ),
    ),
  ).toEqual([1]);
  expect(
    idsOf(
      step(
        state,
        see([
          [100, 100, 0.9],
          [300, 100, 0.6],
        ]),
        2,
      ),
    ),
  ).toEqual([1, 2]);
});

test('a weak detection keeps a visible track but starts none', () => {
  const state = settled([[100, 100]]);
  const frame = step(
    state,
    see([
      [102, 100, 0.2],
      [300, 100, 0.2],
    ]),
    1,
  );
  expect(frame.tracks).toMatchObject([{ id: 1, lost: false, detection: 0 }]);
  expect(frame.tracks[0]!.score).toBeCloseTo(0.2);
  expect(state.live).toBe(1);
});

test('a weak detection does not bring back a lost track, a strong one does', () => {
  const state = settled([[100, 100]]);
  step(state, nobody, 1);
  expect(step(state, see([[100, 100, 0.3]]), 1.2).tracks).toMatchObject([{ id: 1, lost: true }]);
  expect(step(state, see([[100, 100, 0.8]]), 1.4).tracks).toMatchObject([{ id: 1, lost: false }]);
});

test('weak detections alone keep a track for a while only', () => {
  const state = settled([[100, 100]]);
  const seenUntil = [];
  for (let time = 1; time < 6; time += 0.2) {
    if (idsOf(step(state, see([[100, 100, 0.3]]), time)).length > 0) seenUntil.push(time);
  }
  expect(seenUntil.at(-1)).toBeGreaterThan(1.9);
  expect(seenUntil.at(-1)).toBeLessThan(3.3);
  expect(state.live).toBe(0);
});

test('a person hidden for a second comes back under the same id', () => {
  const state = createTracker();
  for (let k = 0; k <= 10; k++) step(state, see([[100 + 14 * k, 100]]), k * 0.2);
  const hidden = [11, 12, 13, 14].map((k) => step(state, nobody, k * 0.2));
  for (const frame of hidden) expect(frame.tracks).toMatchObject([{ id: 1, lost: true, detection: -1 }]);
  expect(hidden.at(-1)!.tracks[0]!.unseenSeconds).toBeCloseTo(0.8);
  const expectedX = hidden.at(-1)!.tracks[0]!.box[0] + 20;
  expect(Math.abs(expectedX - (100 + 14 * 14))).toBeLessThan(10);
  expect(step(state, see([[100 + 14 * 15, 100]]), 3).tracks).toMatchObject([{ id: 1, lost: false }]);
});

test('a track unseen for too long ends once, and its id is never used again', () => {
  const state = settled([[100, 100]]);
  const ended = [];
  for (let time = 1; time < 5; time += 0.2) ended.push(...step(state, nobody, time).endedIds);
  expect(ended).toEqual([1]);
  step(state, see([[100, 100]]), 5);
  expect(idsOf(step(state, see([[100, 100]]), 5.2))).toEqual([2]);
});

test('a track that was never reported ends silently', () => {
  const state = createTracker();
  step(state, nobody, 0);
  step(state, see([[100, 100]]), 0.1);
  expect(step(state, nobody, 0.2)).toEqual({ tracks: [], endedIds: [] });
  expect(state.live).toBe(0);
});

test('does not jump to someone of very different size', () => {
  const state = settled([[100, 100]]);
  const small = { boxes: Float32Array.from([92, 80, 108, 120]), scores: Float32Array.from([0.9]), count: 1 };
  expect(step(state, small, 1).tracks).toMatchObject([{ id: 1, lost: true }]);
});

test('looks decide where positions cannot', () => {
  const red = [1, 0];
  const blue = [0, 1];
  const state = createTracker();
  for (let k = 0; k < 5; k++)
    step(
      state,
      see(
        [
          [100, 100],
          [130, 100],
        ],
        [red, blue],
      ),
      k * 0.2,
    );
  const frame = step(
    state,
    see(
      [
        [114, 100],
        [116, 100],
      ],
      [blue, red],
    ),
    1,
  );
  expect(frame.tracks.map(({ id, detection }) => [id, detection])).toEqual([
    [1, 1],
    [2, 0],
  ]);
});

test('ids of two cameras do not depend on each other', () => {
  const [first, second] = [createTracker(), createTracker()];
  step(
    first,
    see([
      [100, 100],
      [300, 100],
    ]),
    0,
  );
  expect(idsOf(step(second, see([[500, 100]]), 0))).toEqual([1]);
});

test('a clock that jumps back loses nobody', () => {
  const state = settled([[100, 100]]);
  expect(idsOf(step(state, see([[101, 100]]), 0))).toEqual([1]);
  expect(idsOf(step(state, see([[102, 100]]), 0.2))).toEqual([1]);
});

test('a long gap ends everybody and starts anew', () => {
  const state = settled([[100, 100]]);
  const frame = step(state, see([[100, 100]]), 60);
  expect(frame.endedIds).toEqual([1]);
  expect(idsOf(frame)).toEqual([2]);
});

test.each([NaN, Infinity])('refuses the time %d', (time) => {
  expect(() => step(createTracker(), nobody, time)).toThrow('media time');
});

test('memory is bounded: the longest unseen makes room', () => {
  const state = createTracker({ maxTracks: 3, maxUnseenSeconds: 1000 });
  const ended: number[] = [];
  for (let k = 0; k < 20; k++) {
    const at: Person[] = [[(k * 300) % 6000, 100]];
    for (const half of [0, 0.1]) ended.push(...step(state, see(at), k + half).endedIds);
    expect(state.live).toBeLessThanOrEqual(3);
    expect(state.tracks.length).toBeLessThanOrEqual(3);
  }
  expect(ended).toEqual(Array.from({ length: ended.length }, (_, k) => k + 1));
  expect(ended.length).toBe(state.lastId - 3);
});

test('a full memory takes nobody new while everybody is visible', () => {
  const state = createTracker({ maxTracks: 2 });
  const frame = step(
    state,
    see([
      [100, 100],
      [300, 100],
      [500, 100],
    ]),
    0,
  );
  expect(idsOf(frame)).toEqual([1, 2]);
  expect(state.live).toBe(2);
});

test('reads no more detections than its limit and no rows beyond the count', () => {
  const state = createTracker({ maxDetectionsRead: 2 });
  const crowd = see([
    [100, 100],
    [300, 100],
    [500, 100],
    [700, 100],
  ]);
  expect(idsOf(step(state, crowd, 0))).toEqual([1, 2]);
  expect(idsOf(step(createTracker(), { ...crowd, count: 1 }, 0))).toEqual([1]);
});

test('random crowds: one detection a track, one track a detection, ids unique, same input same output', () => {
  const run = () => {
    let seed = 3;
    const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
    const state = createTracker();
    const frames: TrackedFrame[] = [];
    for (let k = 0; k < 200; k++) {
      const people = Array.from({ length: Math.floor(random() * 25) }, (): Person => [
        random() * 400,
        random() * 300,
        random(),
      ]);
      frames.push(step(state, see(people), k * 0.3 * random() + k * 0.2));
    }
    return frames;
  };
  const frames = run();
  const ended = new Set<number>();
  for (const frame of frames) {
    const used = frame.tracks.map((track) => track.detection).filter((row) => row >= 0);
    expect(new Set(used).size).toBe(used.length);
    const ids = frame.tracks.map((track) => track.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of frame.endedIds) ended.add(id);
    for (const id of ids) expect(ended.has(id)).toBe(false);
  }
  expect(run()).toEqual(frames);
});

/** Bytes of typed arrays and number of objects that can be reached from a value. */
function footprint(value: unknown, seen = new Set<object>()): { bytes: number; objects: number } {
  if (typeof value !== 'object' || value === null || seen.has(value)) return { bytes: 0, objects: 0 };
  seen.add(value);
  if (ArrayBuffer.isView(value)) return { bytes: value.byteLength, objects: 1 };
  let [bytes, objects] = [0, 1];
  for (const part of Object.values(value)) {
    const inner = footprint(part, seen);
    bytes += inner.bytes;
    objects += inner.objects;
  }
  return { bytes, objects };
}

test('thousands of people who come and go leave nothing behind', () => {
  const state = createTracker();
  const cross = (frames: number, from: number) => {
    for (let k = from; k < from + frames; k++) {
      // Somebody new each second in each of four lanes, across the picture in two.
      const people = Array.from({ length: 8 }, (_, lane): Person => {
        const progress = (k % 10) / 10 + (lane >> 2);
        return [100 + 300 * progress, 150 * (1 + (lane % 4)), 0.9];
      });
      const looks = people.map((_, lane) => [1, lane, k % 7]);
      step(state, see(people, looks), k * 0.1);
    }
  };
  cross(500, 0);
  const early = footprint(state);
  const idsEarly = state.lastId;
  cross(5000, 500);
  expect(state.lastId).toBeGreaterThan(idsEarly + 100);
  expect(footprint(state)).toEqual(early);
});
