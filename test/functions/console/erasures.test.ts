// Who was erased is told by what is missing: only if their tracks are remembered to be erased, and once.
import { expect, test } from '@jest/globals';
import { erasedSince } from '../../../functions/console/erasures.ts';
import type { ErasureCursor } from '../../../functions/console/source.ts';
import type { IdentitiesView } from '../../../functions/console/types.ts';

function people(...names: string[]): IdentitiesView {
  const identities = names.map((identity, index) => ({
    identity,
    number: index + 1,
    firstSeen: 1,
    lastSeen: 9,
    tracks: [
      {
        camera: 'door',
        track: `${identity}.1`,
        from: 1,
        to: 9,
        observations: 3,
        score: null,
        margin: null,
        reason: null,
      },
    ],
  }));
  return { identities, truncated: false };
}

test('whoever was erased is told once; whoever became somebody else or has expired is not', () => {
  const cursor: ErasureCursor = {};
  const isForgotten = (_camera: string, track: string) => track === 'anna.1';
  const before = people('anna', 'bert', 'cleo');
  expect(erasedSince(cursor, before, isForgotten)).toEqual([]);
  expect(erasedSince(cursor, before, isForgotten)).toEqual([]);
  expect(erasedSince(cursor, people('cleo'), isForgotten)).toEqual([
    { kind: 'erased', identity: 'anna', names: [], tracks: [{ camera: 'door', track: 'anna.1' }], time: 9 },
  ]);
  expect(erasedSince(cursor, people('cleo'), isForgotten)).toEqual([]);
});

test('whoever begins to follow hears of nobody who was erased before', () => {
  expect(erasedSince({}, people('cleo'), () => true)).toEqual([]);
});
