// One process a node or one a stage: the same functions, so the same tracklets to the last bit.
import { expect, test } from '@jest/globals';
import { eventTypes, type TrackletsData } from '../../config/events.ts';
import type { Crossing } from '../support/cloud.ts';
import { crossingsOf, sampleTask } from '../support/edge.ts';

/** What the matcher would get of one camera, in order: ids, bodies. */
function ofCamera(crossings: Crossing[], camera: string) {
  return crossings
    .filter(({ event }) => event.type === eventTypes.tracklets || event.type === eventTypes.stream)
    .filter(({ event }) => (event.data as TrackletsData).camera === camera)
    .map(({ event, body }) => ({
      id: event.id,
      type: event.type,
      time: event.time,
      body: body.toString('hex'),
    }));
}

test('PerNode and PerStage give identical events', async () => {
  const perNode = await crossingsOf(sampleTask({ packing: 'PerNode' }));
  const perStage = await crossingsOf(sampleTask({ packing: 'PerStage' }));
  for (const camera of ['left', 'right']) {
    const events = ofCamera(perNode, camera);
    expect(events.length).toBeGreaterThan(5);
    expect(events.at(-1)?.type).toBe(eventTypes.stream);
    expect(ofCamera(perStage, camera)).toEqual(events);
  }
}, 300_000);
