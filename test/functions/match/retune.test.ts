// Which edits the running matcher takes over, and which need a new process.
import { expect, test } from '@jest/globals';
import type { WorkerConfig } from '../../../config/worker.ts';
import { matchSettings } from '../../../functions/match/options.ts';
import { retune } from '../../../functions/match/retune.ts';
import { workerConfig } from '../host/support.ts';

const before = workerConfig(['match']);
const edited = (change: (config: WorkerConfig) => void) => {
  const after = structuredClone(before);
  change(after);
  const settings = matchSettings(before.match, undefined);
  return { settings, isTaken: retune(settings, before, after) };
};

test('threshold, margin, votes and free numbers are in force at the next decision', () => {
  const { settings, isTaken } = edited(({ match }) => {
    Object.assign(match, { threshold: 0.7, margin: 0.2, votes: 4, params: { deadlineS: 9 } });
  });
  expect(isTaken).toBe(true);
  expect(settings).toMatchObject({ threshold: 0.7, margin: 0.2, votes: 4, deadlineS: 9 });
});

test.each<[string, (config: WorkerConfig) => void]>([
  ['one more camera', ({ cameras }) => void cameras.push({ ...cameras[0]!, id: 'c' })],
  ['other targets', ({ match }) => void (match.targets = [{ name: 'x', images: ['a'] }])],
  ['other overlaps', ({ match }) => void (match.overlaps = [{ cameras: ['a', 'b'] }])],
  ['another size of memory', ({ match }) => void (match.params = { maxTraces: 10 })],
])('%s needs a new process, and changes nothing in this one', (_, change) => {
  const { settings, isTaken } = edited(change);
  expect(isTaken).toBe(false);
  expect(settings).toEqual(matchSettings(before.match, undefined));
});

test('a number that is not known is refused', () => {
  expect(() => edited(({ match }) => void (match.params = { treshold: 1 }))).toThrow(
    'stages.match.params.treshold is not known',
  );
});
