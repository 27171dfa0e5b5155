// When a stage with memory may say that its recordings are done, also when it was killed in between.
import { expect, test } from '@jest/globals';
import { WholeRecordings } from '../../functions/wholeRecordings.ts';

const cameras = ['left', 'right', 'live'];

test.each([
  ['nothing has come yet, or all was forgotten with a restart', ['left', 'right'], [], [], true],
  ['all have ended', ['left', 'right'], ['left', 'right'], [], true],
  ['one is under way', ['left', 'right'], ['left'], ['right'], false],
  [
    'the end of one was forgotten with a restart, the other has ended since',
    ['left', 'right'],
    ['right'],
    [],
    true,
  ],
  ['a live camera is silent', ['left', 'live'], ['left'], [], false],
  ['there is no camera', [], [], [], true],
])('%s', (_name, known, ended, underWay, isOver) => {
  const whole = new WholeRecordings(cameras.filter((id) => id !== 'live'));
  expect(whole.areOver(known, new Set<string>(ended), new Set<string>(underWay))).toBe(isOver);
});
