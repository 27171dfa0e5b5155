import { expect, test } from '@jest/globals';
import type { Crop, TracksData } from '../../../../config/events.ts';
import { quantize } from '../../../../config/quantize.ts';
import {
  defaultTrackletOptions as options,
  emptyCamera,
  endAll,
  observe,
} from '../../../../functions/embed/core/tracklets.ts';

const noVectors = new Float32Array(0);

function frame(
  time: number,
  ids: number[],
  more: { ended?: number[]; crops?: number[]; x?: number } = {},
): TracksData {
  const x = more.x ?? 10;
  const crop = (track: number): Crop => ({
    track,
    quality: 0.8,
    time,
    width: 1,
    height: 1,
    pixels: new Uint8Array(3),
  });
  return {
    camera: 'gate',
    session: 's',
    sequence: 1,
    time,
    width: 100,
    height: 200,
    ids: Uint32Array.from(ids),
    boxes: Float32Array.from(ids.flatMap(() => [x, 20, x + 10, 60])),
    scores: Float32Array.from(ids, () => 0.9),
    ended: Uint32Array.from(more.ended ?? []),
    crops: (more.crops ?? []).map(crop),
  };
}

test('a track is sent as soon as it has a vector, then at the interval, then once at its end', () => {
  const camera = emptyCamera('s');
  const phases: string[] = [];
  for (let i = 0; i < 100; i++) {
    const time = i / 7;
    const withCrop = i === 3 || i === 50;
    const vectors = withCrop ? Float32Array.of(0.6, 0.8) : noVectors;
    const due = observe(camera, frame(time, [1], { crops: withCrop ? [1] : [] }), vectors, 2, options);
    for (const { phase, revision, track } of due)
      phases.push(`${phase} ${revision} ${track} at ${time.toFixed(1)}`);
  }
  const [last] = observe(camera, frame(15, [], { ended: [1] }), noVectors, 2, options);
  expect(phases).toEqual(['start 1 s.1 at 0.4', 'update 2 s.1 at 5.0', 'update 3 s.1 at 10.0']);
  expect(last).toMatchObject({ phase: 'end', revision: 4, from: 0, observations: 100 });
  expect(camera.tracks.size).toBe(0);
});

test('the path has a point a second, in fractions of the image, and always the last one', () => {
  const camera = emptyCamera('s');
  const points: number[][] = [];
  const collect = (path: Float32Array) => {
    for (let i = 0; i < path.length; i += 5)
      points.push([...path.subarray(i, i + 5)].map((v) => Number(v.toFixed(3))));
  };
  for (let i = 0; i < 10; i++) {
    const crops = i === 0 ? [1] : [];
    observe(
      camera,
      frame(100 + i * 0.25, [1], { crops, x: 10 + i }),
      Float32Array.of(1, 0),
      2,
      options,
    ).forEach((t) => collect(t.path));
  }
  endAll(camera, options).forEach((t) => collect(t.path));
  expect(points).toEqual([
    [0, 0.15, 0.3, 0.1, 0.2],
    [1, 0.19, 0.3, 0.1, 0.2],
    [2, 0.23, 0.3, 0.1, 0.2],
    [2.25, 0.24, 0.3, 0.1, 0.2],
  ]);
});

test('different looks get slots of their own, similar ones are averaged, and only slots that moved are sent again', () => {
  const camera = emptyCamera('s');
  const strict = { ...options, prototypes: { ...options.prototypes, resendBelow: 0.99 } };
  const prototypes = [
    [1, 0],
    [0.9999, Math.sqrt(1 - 0.9999 ** 2)],
    [0.85, Math.sqrt(1 - 0.85 ** 2)],
    [0, 1],
  ].flatMap((vector, i) =>
    observe(camera, frame(i * 10, [1], { crops: [1] }), Float32Array.from(vector), 2, strict).map((t) =>
      t.prototypes.map(({ slot, weight }) => ({ slot, weight })),
    ),
  );
  expect(prototypes).toEqual([
    [{ slot: 0, weight: 1 }],
    [],
    [{ slot: 0, weight: 3 }],
    [{ slot: 1, weight: 1 }],
  ]);
});

test('never more slots than allowed, and never more tracks', () => {
  const small = {
    ...options,
    maxTracks: 3,
    prototypes: { maxSlots: 2, joinSimilarity: 0.999, resendBelow: 0.97 },
  };
  const camera = emptyCamera('s');
  let ended = 0;
  for (let i = 0; i < 50; i++) {
    const angle = i;
    const due = observe(
      camera,
      frame(i, [1, 100 + i], { crops: [1] }),
      Float32Array.of(Math.cos(angle), Math.sin(angle)),
      2,
      { ...small, minObservations: 1 },
    );
    ended += due.filter(({ phase }) => phase === 'end').length;
  }
  expect(camera.tracks.get(1)!.slots).toHaveLength(2);
  expect(camera.tracks.size).toBe(3);
  expect(ended).toBe(48);
});

test('a track without a vector is worth an event only when it was seen often enough', () => {
  const camera = emptyCamera('s');
  observe(camera, frame(0, [1, 2]), noVectors, 2, options);
  observe(camera, frame(1, [1]), noVectors, 2, options);
  observe(camera, frame(2, [1]), noVectors, 2, options);
  expect(endAll(camera, options).map(({ track }) => track)).toEqual(['s.1']);
});

test.each([
  { name: 'unit vector', values: [0.6, -0.8, 0] },
  { name: 'zero vector', values: [0, 0, 0] },
  { name: 'tiny values', values: [1e-20, -3e-21, 0] },
])('a quantised $name is within half a step of the original', ({ values }) => {
  const { vector, scale } = quantize(Float32Array.from(values));
  values.forEach((value, i) =>
    expect(Math.abs(vector[i]! * scale - value)).toBeLessThanOrEqual(scale * 0.501),
  );
});
