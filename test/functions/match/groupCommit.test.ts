import { expect, test } from '@jest/globals';
import { createGroupCommit } from '../../../functions/match/groupCommit.ts';

test('events that arrive together share one commit; the first one gets its result', async () => {
  const commits: string[] = [];
  const join = createGroupCommit({ maxEvents: 10, maxWaitMs: 1 }, (lead: string) => {
    commits.push(lead);
    return `stored with ${lead}`;
  });
  expect(await Promise.all([join('a'), join('b'), join('c')])).toEqual([
    'stored with a',
    undefined,
    undefined,
  ]);
  expect(await join('d')).toBe('stored with d');
  expect(commits).toEqual(['a', 'd']);
});

test('a full batch does not wait', async () => {
  const commits: string[] = [];
  const join = createGroupCommit({ maxEvents: 2, maxWaitMs: 1_000_000 }, (lead: string) =>
    commits.push(lead),
  );
  await Promise.all(['a', 'b', 'c', 'd'].map(join));
  expect(commits).toEqual(['a', 'c']);
});

test('when the commit fails every sender hears it, and the next batch is a new one', async () => {
  let fails = true;
  const join = createGroupCommit({ maxEvents: 10, maxWaitMs: 0 }, () => {
    if (fails) throw new Error('disk is full');
    return 'stored';
  });
  const outcomes = await Promise.allSettled([join(1), join(2)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await join(3)).toBe('stored');
});
