// One good event of each type, small: what the fuzzing targets spoil.
import { eventTypes, type ReportData, type StageEvent, type TrackletsData } from '../../config/events.ts';
import { frame, streamEnded, tracks } from '../functions/host/support.ts';

export function goodEvents(): StageEvent[] {
  const tracklets: TrackletsData = {
    camera: 'a',
    model: 'ab'.repeat(32),
    dimensions: 4,
    image: { width: 64, height: 48 },
    tracklets: [
      {
        track: 's1.1',
        phase: 'update',
        revision: 2,
        from: 1,
        to: 2,
        observations: 3,
        path: Float32Array.of(0, 0.5, 0.5, 0.1, 0.2),
        prototypes: [
          { slot: 0, vector: Int8Array.of(1, -2, 3, -4), scale: 0.01, quality: 0.5, time: 1, weight: 1 },
        ],
      },
    ],
  };
  const report: ReportData = {
    task: 'hall',
    namespace: 'default',
    node: 'n',
    worker: 'w',
    stage: 'ingest',
    sequence: 1,
    time: 1,
    phase: 'Running',
    cameras: [{ camera: 'a', state: 'connected', fps: 1, frames: 2, dropped: 0 }],
    figures: { frames: 2 },
    output: {
      taskInfo: { trackingObjectNumber: 1, findUnknownObject: false, startTime: 'a', currentTime: 'b' },
    },
  };
  const identities = {
    task: 'hall',
    namespace: 'default',
    changes: [
      {
        kind: 'assigned',
        identity: 'p1',
        camera: 'a',
        track: 's1.1',
        time: 1,
        isNew: true,
        score: null,
        margin: 0.1,
        reason: 'new',
      },
    ],
  };
  const image = { camera: 'a', contentType: 'image/jpeg', bytes: Uint8Array.of(255, 216, 255, 0), time: 5 };
  const event = (name: keyof typeof eventTypes, data: unknown): StageEvent => ({
    id: `${name}-1`,
    source: '/test',
    type: eventTypes[name],
    subject: 'a',
    partitionkey: 'a',
    data,
  });
  return [
    frame('a', 1),
    tracks('a', 1),
    streamEnded('a'),
    event('tracklets', tracklets),
    event('report', report),
    event('identities', identities),
    event('image', image),
    { id: 'x', source: '/test', type: 'com.example.other', data: { any: ['thing', 1, null] } },
  ];
}
