import { expect, test } from '@jest/globals';
import {
  createGate,
  needsDetection,
  type Followed,
  type GateOptions,
} from '../../../../functions/detect/core/motionGate.ts';

const image = { width: 192, height: 108 };
const options = { stillIntervalSeconds: 2, emptyIntervalSeconds: 0 };

/** A grey picture with a person of some width and height in it, with noise and light as given. */
function picture({ left = -1, light = 0, noise = 0, person = [12, 30], shade = 40 } = {}): Uint8Array {
  let seed = 5;
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
  const rgb = new Uint8Array(image.width * image.height * 3);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const inside = left >= 0 && x >= left && x < left + person[0]! && y >= 40 && y < 40 + person[1]!;
      const level = (inside ? shade : 120) + light + noise * (random() - 0.5);
      rgb.fill(Math.max(0, Math.min(255, level)), (y * image.width + x) * 3, (y * image.width + x + 1) * 3);
    }
  }
  return rgb;
}

function asked(frames: [Uint8Array, number, Followed?][], more: Partial<GateOptions> = {}): boolean[] {
  const gate = createGate({ ...options, ...more });
  return frames.map(([rgb, time, followed = 'sure']) => needsDetection(gate, rgb, image, time, followed));
}

test('off by default: every picture is detected in', () => {
  const gate = createGate();
  const still = picture();
  expect([0, 0.1, 0.2].map((time) => needsDetection(gate, still, image, time, 'none'))).toEqual([
    true,
    true,
    true,
  ]);
});

test('a still picture is looked at once in the interval', () => {
  const still = picture({ left: 50 });
  expect(asked([0, 1, 1.9, 2, 3, 4].map((time) => [still, time]))).toEqual([
    true,
    false,
    false,
    true,
    false,
    true,
  ]);
});

test.each([
  ['somebody walks', [picture({ left: 50 }), picture({ left: 56 })]],
  ['somebody appears', [picture(), picture({ left: 50 })]],
  [
    'somebody small appears, in clothes like the wall',
    [picture(), picture({ left: 50, person: [6, 14], shade: 105 })],
  ],
  ['somebody leaves as it grows dark', [picture({ left: 50 }), picture({ light: -60 })]],
])('looks again when %s', (_, [first, then]) => {
  expect(
    asked([
      [first!, 0],
      [then!, 0.1],
    ]),
  ).toEqual([true, true]);
});

test.each([
  ['noise', { noise: 20 }],
  ['a cloud', { light: -30 }],
  ['a lamp', { light: 50 }],
])('%s is no change', (_, change) => {
  expect(
    asked([
      [picture({ left: 50 }), 0],
      [picture({ left: 50, ...change }), 0.1],
    ]),
  ).toEqual([true, false]);
});

test('slow changes add up: what was not looked at is not compared with', () => {
  const creeping = [0, 1, 2, 3, 4, 5, 6, 7].map((step): [Uint8Array, number] => [
    picture({ left: 50, shade: 119 - 2 * step }),
    step / 10,
  ]);
  expect(asked(creeping).slice(1)).toContain(true);
});

test('while nobody is followed changes wait as long as they may', () => {
  const walk = [0, 1, 2, 3, 4, 5].map((step): [Uint8Array, number, Followed] => [
    picture({ left: 20 + 10 * step }),
    step / 10,
    'none',
  ]);
  expect(asked(walk, { emptyIntervalSeconds: 0.25 })).toEqual([true, false, false, true, false, false]);
});

test('whoever is not sure yet is looked for in every picture', () => {
  const still = picture({ left: 50 });
  expect(
    asked([
      [still, 0, 'none'],
      [still, 0.1, 'unsure'],
      [still, 0.2, 'sure'],
    ]),
  ).toEqual([true, true, false]);
});

test('a clock that jumps back is no reason to wait', () => {
  const still = picture();
  expect(
    asked([
      [still, 100],
      [still, 1],
      [still, 2],
    ]),
  ).toEqual([true, true, false]);
});
