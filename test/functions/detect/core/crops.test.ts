import { expect, test } from '@jest/globals';
import {
  chooseCrops,
  createCropState,
  cropQuality,
  defaultCropOptions,
} from '../../../../functions/detect/core/crops.ts';
import type { TrackedBox } from '../../../../functions/detect/core/detections.ts';

const image = { width: 800, height: 600 };
const tall: TrackedBox['box'] = [300, 200, 350, 320];

function person(fields: Partial<TrackedBox> = {}): TrackedBox {
  return {
    id: 1,
    box: tall,
    score: 0.8,
    ageSeconds: 0,
    unseenSeconds: 0,
    detection: 0,
    started: false,
    lost: false,
    ...fields,
  };
}

/** Times at which one track is cropped, seen every 0.1 s for `seconds`. */
function cropTimes(
  seconds: number,
  at: (time: number) => Partial<TrackedBox> = () => ({}),
  options = {},
): number[] {
  const state = createCropState(options);
  const times: number[] = [];
  for (let k = 0; k <= seconds * 10; k++) {
    const time = k / 10;
    const frame = { tracks: [person({ ageSeconds: time, ...at(time) })], endedIds: [] };
    if (chooseCrops(state, frame, time, image).trackIds.length > 0) times.push(time);
  }
  return times;
}

const quality = (subject: TrackedBox, ...others: TrackedBox[]) =>
  cropQuality([subject, ...others], 0, image, defaultCropOptions);

test('a whole, tall, free, confident person is as good as the confidence', () => {
  expect(quality(person())).toBeCloseTo(0.8);
});

test.each<[string, TrackedBox, TrackedBox[]]>([
  ['less confident', person({ score: 0.6 }), []],
  ['small', person({ box: [300, 200, 320, 248] }), []],
  ['cut at the left', person({ box: [0, 200, 50, 320] }), []],
  ['cut at the right', person({ box: [751, 200, 800, 320] }), []],
  ['cut at the top', person({ box: [300, 0, 350, 120] }), []],
  ['cut at the feet', person({ box: [300, 480, 350, 600] }), []],
  ['behind somebody', person(), [person({ id: 2, box: [320, 220, 370, 340] })]],
  ['partly in front of somebody', person(), [person({ id: 2, box: [320, 180, 370, 300] })]],
])('%s is worse', (_, subject, others) => {
  expect(quality(subject, ...others)).toBeLessThan(0.75);
});

test('being behind is worse than being in front', () => {
  const behind = quality(person(), person({ id: 2, box: [320, 220, 370, 340] }));
  const inFront = quality(person(), person({ id: 2, box: [320, 180, 370, 300] }));
  expect(behind).toBeLessThan(inFront);
});

test('somebody lost covers nobody', () => {
  expect(quality(person(), person({ id: 2, box: [310, 220, 360, 340], lost: true }))).toBeCloseTo(0.8);
});

test('the first good crop comes at once, later ones at growing intervals, no more than the limit', () => {
  expect(cropTimes(60)).toEqual([0, 1, 3, 7, 15, 31]);
});

test('a poor start waits a little for something better', () => {
  const small: TrackedBox['box'] = [300, 200, 320, 240];
  expect(cropTimes(0.9, () => ({ box: small }))).toEqual([0.6]);
  expect(cropTimes(0.9, (time) => ({ box: time < 0.3 ? small : tall }))).toEqual([0.3]);
});

test('a much better view is taken early, but not at once', () => {
  const better = (time: number): Partial<TrackedBox> => ({ score: time < 0.2 ? 0.6 : 0.9 });
  expect(cropTimes(0.9, better)).toEqual([0, 0.5]);
});

test('a person who moves is cropped earlier than one who stands', () => {
  const walk = (time: number): Partial<TrackedBox> => ({
    box: [100 + 250 * time, 200, 150 + 250 * time, 320],
  });
  expect(cropTimes(0.9, walk)).toEqual([0, 0.8]);
});

test.each<[string, Partial<TrackedBox>]>([
  ['lost', { lost: true, detection: -1 }],
  ['unsure', { score: 0.45 }],
  ['tiny', { box: [300, 200, 306, 212] }],
])('somebody %s is never cropped', (_, fields) => {
  expect(cropTimes(5, () => fields)).toEqual([]);
});

test('no crops when none are wanted', () => {
  expect(cropTimes(5, () => ({}), { maxCropsPerTrack: 0 })).toEqual([]);
});

test('names the detection and the quality of each chosen track', () => {
  const tracks = [
    person({ id: 7, detection: 3 }),
    person({ id: 9, detection: 1, box: [500, 200, 550, 320], score: 0.9 }),
  ];
  const chosen = chooseCrops(createCropState(), { tracks, endedIds: [] }, 0, image);
  expect(chosen.trackIds).toEqual([7, 9]);
  expect(chosen.detections).toEqual([3, 1]);
  expect(chosen.qualities[0]).toBeCloseTo(0.8);
  expect(chosen.qualities[1]).toBeCloseTo(0.9);
});

test('forgets ended tracks, and the oldest beyond the limit', () => {
  const state = createCropState({ maxRememberedTracks: 2 });
  for (const id of [1, 2, 3]) chooseCrops(state, { tracks: [person({ id })], endedIds: [] }, id, image);
  expect([...state.histories.keys()]).toEqual([2, 3]);
  chooseCrops(state, { tracks: [], endedIds: [2] }, 4, image);
  expect([...state.histories.keys()]).toEqual([3]);
});
