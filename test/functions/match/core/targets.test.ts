// Recognising who is looked for: one-hot looks, so that every similarity is known in advance.
import { expect, test } from '@jest/globals';
import { createTargets, type Target } from '../../../../functions/match/core/targets.ts';
import type { Trace } from '../../../../functions/match/core/trace.ts';

const settings = { threshold: 0.6, margin: 0.1, unknownBelow: 0.4, bestPairShare: 0.5 };

function unit(...parts: [axis: number, share: number][]): Float32Array {
  const vector = new Float32Array(8);
  for (const [axis, share] of parts) vector[axis] = share;
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

const anna: Target = { name: 'anna', model: 'm', vectors: [unit([0, 1]), unit([1, 1])] };
const bert: Target = { name: 'bert', model: 'm', vectors: [unit([2, 1])] };

function trace(track: string, looks: Float32Array[], more: Partial<Trace> = {}): Trace {
  const time = 100;
  return {
    camera: 'a',
    track,
    from: time,
    model: 'm',
    stays: [{ camera: 'a', from: time, to: time + 10, open: false, entry: undefined, exit: undefined }],
    appearances: looks.map((look) => ({
      camera: 'a',
      vector: Int8Array.from(look, (value) => Math.round(value * 127)),
      quality: 1,
      weight: 1,
      time,
    })),
    to: time + 10,
    tracks: 1,
    revision: 1,
    observations: 10,
    identity: `p-${track}`,
    votes: 2,
    votedFor: undefined,
    news: false,
    dirty: false,
    ...more,
  };
}

test('whoever looks like one of the pictures is that target, once', () => {
  const targets = createTargets([anna, bert], settings);
  const seen = trace('1', [unit([1, 1]), unit([1, 1], [5, 0.3])]);
  const [sighting, ...others] = targets.consider([seen]);
  expect(others).toEqual([]);
  expect(sighting).toMatchObject({ target: 'anna', camera: 'a', track: '1', identity: 'p-1' });
  expect(sighting!.score).toBeGreaterThan(0.98);
  expect(sighting!.margin).toBeCloseTo(sighting!.score, 1);
  expect(sighting!.reason).toContain('the next, bert, 0.0');
  expect(targets.consider([seen])).toEqual([]);
  expect(targets.unknownSeen()).toBe(false);
});

test('between two targets nobody is guessed', () => {
  const targets = createTargets([anna, bert], settings);
  expect(targets.consider([trace('1', [unit([0, 1], [2, 0.95])])])).toEqual([]);
  expect(createTargets([anna], settings).consider([trace('1', [unit([0, 1], [2, 0.95])])]).length).toBe(1);
});

test('vectors of another model, tracks without one and tracks without a name say nothing', () => {
  const targets = createTargets([anna], settings);
  const look = [unit([0, 1])];
  const silent = [
    trace('1', look, { model: 'n' }),
    trace('2', []),
    trace('3', look, { identity: undefined }),
  ];
  expect(targets.consider(silent)).toEqual([]);
  expect(targets.unknownSeen()).toBe(false);
});

test('a target is in one camera once at a time: the more similar one bears the name', () => {
  const targets = createTargets([anna], settings);
  const good = trace('1', [unit([0, 1], [3, 0.2])]);
  const fair = trace('2', [unit([0, 1], [3, 0.6])]);
  const later = trace('3', [unit([0, 1], [3, 0.6])], { from: 200, to: 210 });
  expect(targets.consider([good, fair, later]).map(({ track }) => track)).toEqual(['1', '3']);
  const reversed = createTargets([anna], settings);
  expect(reversed.consider([fair, good]).map(({ track }) => track)).toEqual(['2', '1']);
});

test('somebody is unknown once it is over and nothing fitted', () => {
  const targets = createTargets([anna, bert], settings);
  const open = trace('1', [unit([6, 1])]);
  open.stays[0]!.open = true;
  targets.consider([open]);
  expect(targets.unknownSeen()).toBe(false);
  targets.consider([trace('2', [unit([0, 1], [6, 1.2])])]);
  expect(targets.unknownSeen()).toBe(false);
  open.stays[0]!.open = false;
  targets.consider([open]);
  expect(targets.unknownSeen()).toBe(true);
});

test('without targets nobody is unknown', () => {
  const targets = createTargets([], settings);
  expect(targets.consider([trace('1', [unit([6, 1])])])).toEqual([]);
  expect(targets.unknownSeen()).toBe(false);
});

test('a restart tells nothing again', () => {
  const targets = createTargets([anna], settings);
  targets.restore([{ target: 'anna', camera: 'a', track: '1' }], true);
  expect(targets.consider([trace('1', [unit([0, 1])])])).toEqual([]);
  expect(targets.unknownSeen()).toBe(true);
});
