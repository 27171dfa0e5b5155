// What the log says of people: one line a decision, and nothing of what a task may not tell.
import { expect, test } from '@jest/globals';
import type { IdentityChange } from '../../../config/events.ts';
import { messages } from '../../../config/messages.ts';
import { tellStory } from '../../../functions/match/story.ts';

const evidence = { score: 0.8, margin: 0.3, reason: 'looks alike' };
const track = { camera: 'hall', track: 's.1' };
const changes: IdentityChange[] = [
  { kind: 'assigned', identity: 'p1', ...track, time: 5, isNew: true, ...evidence },
  { kind: 'merged', identity: 'p1', from: 'p2', time: 6, ...evidence },
  { kind: 'split', identity: 'p1', to: 'p3', tracks: [track], time: 7, ...evidence },
  { kind: 'sighted', target: 'anna', identity: 'p1', ...track, time: 8, ...evidence },
  {
    kind: 'contact',
    identity: 'p1',
    other: 'p3',
    tracks: [track, { camera: 'door', track: 's.2' }],
    from: 5,
    to: 9,
    time: 9,
    exposureS: 4,
    distanceM: 1.2,
    deviationM: 0.2,
  },
];

test('each decision is one line of the list, with every key of it', () => {
  const lines: [string, object][] = [];
  const take = (keys: object, message: string) => void lines.push([message, keys]);
  tellStory({ debug: take, info: take, warn: take, error: take }, changes);
  expect(lines.map(([message]) => message)).toEqual([
    'person seen',
    'identities merged',
    'identity split',
    'target sighted',
    'people in contact',
  ]);
  for (const [message, keys] of lines)
    expect(Object.keys(keys).sort()).toEqual([...messages[message as keyof typeof messages].keys].sort());
  expect(lines[4]![1]).toMatchObject({ cameras: ['hall', 'door'], exposureS: 4 });
});
