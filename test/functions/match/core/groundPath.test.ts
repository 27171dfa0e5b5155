// Two walks on the ground: one person seen twice, two people, and somebody who cannot have got there in time.
import { expect, test } from '@jest/globals';
import {
  addGroundPoint,
  agreementOf,
  onwards,
  type GroundPath,
} from '../../../../functions/match/core/groundPath.ts';
import { defaultSettings } from '../../../../functions/match/core/settings.ts';
import { conflict, type Topology } from '../../../../functions/match/core/stays.ts';
import { createEvidence } from '../../../../functions/match/core/evidence.ts';
import { createWays } from '../../../../functions/match/core/ways.ts';
import type { Stay } from '../../../../functions/match/core/trace.ts';

function walk(from: number, seconds: number, stepS: number, at: (t: number) => [number, number]): GroundPath {
  const path: GroundPath = { points: [], added: 0 };
  for (let t = 0; t <= seconds; t += stepS) {
    const [x, y] = at(from + t);
    addGroundPoint(path, from + t, { x, y, deviation: 0.1 });
  }
  return path;
}

function stayOf(camera: string, ground: GroundPath): Stay {
  const times = ground.points.filter((_, i) => i % 4 === 0);
  return {
    camera,
    from: times[0]!,
    to: times.at(-1)!,
    open: false,
    entry: undefined,
    exit: undefined,
    ground,
  };
}

const site = (overlap: boolean): Topology =>
  createEvidence(
    { overlap: () => overlap, travel: () => undefined },
    createWays(2, defaultSettings),
    defaultSettings,
  );

test.each([1, 3])('one walk seen by two cameras agrees, points every %d s', (stepS) => {
  const a = walk(0, 12, stepS, (t) => [1.4 * t, 0]);
  const b = walk(0.4, 12, stepS, (t) => [1.4 * t + 0.2, 0.2]);
  const agreement = agreementOf(a, b, defaultSettings)!;
  expect(agreement.odds).toBeGreaterThan(1);
  expect(agreement.distanceM).toBeLessThan(0.5);
});

test('two people at one time who are far apart are two people, though the cameras overlap', () => {
  const a = stayOf(
    'a',
    walk(0, 10, 1, (t) => [t, 0]),
  );
  const b = stayOf(
    'b',
    walk(0.5, 10, 1, (t) => [t, 6]),
  );
  expect(conflict(a, b, site(true), defaultSettings)).toBe(true);
  const near = stayOf(
    'b',
    walk(0.5, 10, 1, (t) => [t, 0.5]),
  );
  expect(conflict(a, near, site(true), defaultSettings)).toBe(false);
});

test('one wrong foot point is not enough to part somebody', () => {
  const a = stayOf(
    'a',
    walk(0, 10, 1, (t) => [t, 0]),
  );
  const b = stayOf(
    'b',
    walk(0, 10, 1, (t) => [t, t === 5 ? 30 : 0]),
  );
  expect(conflict(a, b, site(true), defaultSettings)).toBe(false);
});

test('nobody runs forty metres in two seconds, and half a minute is enough', () => {
  const a = stayOf(
    'a',
    walk(0, 5, 1, (t) => [t, 0]),
  );
  const soon = stayOf(
    'b',
    walk(7, 5, 1, (t) => [38 + t, 0]),
  );
  const later = stayOf(
    'b',
    walk(37, 5, 1, (t) => [8 + t, 0]),
  );
  expect(conflict(a, soon, site(false), defaultSettings)).toBe(true);
  expect(conflict(a, later, site(false), defaultSettings)).toBe(false);
});

test('a walk that goes on where the other ended is more likely one person than one that begins elsewhere', () => {
  const a = walk(0, 5, 1, (t) => [t, 0]);
  const on = onwards(
    a,
    walk(6, 5, 1, (t) => [t, 0.1]),
    defaultSettings,
  )!;
  const elsewhere = onwards(
    a,
    walk(6, 5, 1, (t) => [t, 6]),
    defaultSettings,
  )!;
  expect(on.odds).toBeGreaterThan(1);
  expect(elsewhere.odds).toBeLessThan(-1);
});

test('a walk of any length stays bounded and keeps its ends', () => {
  const path = walk(0, 5000, 1, (t) => [t, 0]);
  expect(path.points.length).toBeLessThanOrEqual(4 * 65);
  expect(path.points[0]).toBe(0);
  expect(path.points.at(-4)).toBe(5000);
});

test('walks that share no moment say nothing', () => {
  const a = walk(0, 5, 1, (t) => [t, 0]);
  expect(
    agreementOf(
      a,
      walk(20, 5, 1, (t) => [t, 0]),
      defaultSettings,
    ),
  ).toBeUndefined();
});

test('a foot point in six that is nowhere near leaves a walk one walk', () => {
  const a = walk(0, 12, 1, (t) => [t, 0]);
  const b = walk(0, 12, 1, (t) => [t, t % 6 === 5 ? 9 : 0.1]);
  expect(agreementOf(a, b, defaultSettings)!.odds).toBeGreaterThan(1);
  const elsewhere = walk(0, 12, 1, (t) => [t, 3]);
  expect(agreementOf(a, elsewhere, defaultSettings)!.odds).toBeLessThan(-4);
});
