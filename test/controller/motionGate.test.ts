import { expect, test } from '@jest/globals';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { parseTask } from '../../config/task.ts';
import { desired } from '../../controller/desired.ts';

/** What the worker that detects is told, for a task with this `stages.detect`. */
function paramsFor(detect: object): Record<string, number> {
  const task = parseTask(
    JSON.stringify({
      apiVersion: 'sedna.io/v1alpha1',
      kind: 'MultiEdgeInference',
      metadata: { name: 'gate' },
      spec: { cameras: [{ id: 'door', source: { uri: 'file:///door.mp4' } }], stages: { detect } },
    }),
    'gate.json',
  );
  const { workers } = desired(task, {
    functions: loadFunctions(),
    resolveModel,
    defaultModels,
    threads: 1,
    clockStart: 0,
    storeFolder: '/nowhere',
  });
  return workers.find(({ config }) => config.stages.includes('detect'))!.config.detect.params;
}

test.each([
  ['none unless the task asks', {}, {}],
  ['once a second by default', { motionGate: {} }, { stillIntervalSeconds: 1 }],
  [
    'as the task says',
    { motionGate: { stillFps: 0.5, emptyFps: 4 } },
    { stillIntervalSeconds: 2, emptyIntervalSeconds: 0.25 },
  ],
  [
    'a parameter of its own says it more exactly',
    { motionGate: {}, params: { stillIntervalSeconds: 3, changedLevels: 9 } },
    { stillIntervalSeconds: 3, changedLevels: 9 },
  ],
])('motion gate of a worker: %s', (_, detect, expected) => {
  expect(paramsFor(detect)).toEqual(expected);
});

test.each([{ stillFps: 0 }, { stillFps: 1, emptyFps: 100 }, { fps: 1 }])(
  'refuses the gate %j',
  (motionGate) => {
    expect(() => paramsFor({ motionGate })).toThrow(/motionGate/);
  },
);
