// Names of identities must never collide in a task, and must not depend on anything but the first track.
import { expect, test } from '@jest/globals';
import { identityName } from '../../../../functions/match/core/names.ts';

test('names are short, repeatable and distinct', () => {
  const names = new Set<string>();
  for (let camera = 0; camera < 20; camera++) {
    for (let track = 0; track < 5000; track++)
      names.add(identityName(`camera-${camera}`, `mjve7pc0.${track}`));
  }
  expect(names.size).toBe(100_000);
  expect(identityName('a', 's.1')).toMatch(/^p-[0-9a-hj-km-np-tv-z]{10}$/);
  expect(identityName('a', 's.1')).toBe(identityName('a', 's.1'));
});

test('neighbouring tracks differ in every part of their names', () => {
  const distinct = Array.from({ length: 10 }, () => new Set<string>());
  for (let track = 0; track < 400; track++) {
    const name = identityName('door', `mjve7pc0.${track}`).slice(2);
    [...name].forEach((character, i) => distinct[i]!.add(character));
  }
  for (const characters of distinct) expect(characters.size).toBe(32);
});
