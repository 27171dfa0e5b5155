// The tracker on the public detections of a real scene: keeps tuning honest without a model or Python.
import { expect } from '@jest/globals';
import { compared } from '../../../../bench/accuracy/configurations.ts';
import { readMot, subsample, type MotRow } from '../../../../bench/accuracy/motFiles.ts';
import { packDetections } from '../../../../bench/accuracy/packDetections.ts';
import { trackSequence } from '../../../../bench/accuracy/trackSequence.ts';
import { assign, createAssignmentSpace } from '../../../../functions/detect/core/assignment.ts';
import { overlap } from '../../../../functions/detect/core/boxes.ts';
import { sharedPath, testWithShared } from '../../../support/shared.ts';

const folder = 'data/pets09-s2l1';

/** IDF1 as in the MOTChallenge: each true id is paired with one reported id so that most boxes agree. */
function identityF1(truth: readonly MotRow[], result: readonly MotRow[]): number {
  const [trueIds, foundIds] = [truth, result].map((rows) => [...new Set(rows.map(({ id }) => id))]) as [
    number[],
    number[],
  ];
  const space = createAssignmentSpace(trueIds.length, foundIds.length);
  const agreements = new Float64Array(trueIds.length * foundIds.length);
  const byFrame = new Map<number, MotRow[]>();
  for (const row of result) byFrame.set(row.frame, [...(byFrame.get(row.frame) ?? []), row]);
  for (const row of truth) {
    for (const found of byFrame.get(row.frame) ?? []) {
      if (overlap(corners(row), 0, corners(found), 0) < 0.5) continue;
      agreements[trueIds.indexOf(row.id) * foundIds.length + foundIds.indexOf(found.id)]! += 1;
    }
  }
  space.cost.set(agreements.map((count) => -count));
  assign(space, trueIds.length, foundIds.length, 0);
  let agreed = 0;
  trueIds.forEach((_, i) => {
    const j = space.columnOfRow[i]!;
    if (j >= 0) agreed += agreements[i * foundIds.length + j]!;
  });
  return (2 * agreed) / (truth.length + result.length);
}

function corners({ left, top, width, height }: MotRow): number[] {
  return [left, top, left + width, top + height];
}

for (const stride of [1, 3, 6]) {
  testWithShared(`PETS09-S2L1 at every ${stride}. frame: more than plain overlap keeps`, folder, async () => {
    const truth = readMot(sharedPath(`${folder}/gt/gt.txt`));
    const sequence = {
      framesPerSecond: 7,
      detections: packDetections(readMot(sharedPath(`${folder}/det/det.txt`)), 795),
      tracker: { highScore: 0.6, birthScore: 0.7 },
    };
    const [shipped, plain] = [{}, compared['plain ByteTrack']!].map((options) =>
      identityF1(subsample(truth, stride), trackSequence(sequence, stride, options)),
    );
    expect(shipped).toBeGreaterThan(0.45);
    expect(shipped).toBeGreaterThan(plain! + 0.05);
  });
}
