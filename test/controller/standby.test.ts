import { expect, test } from '@jest/globals';
import { standbyProblems } from '../../controller/standby.ts';
import { taskOf } from './sampleTasks.ts';

const cameras = 'cameras: [{id: a, source: {uri: "rtsp://10.0.0.1/a"}}]';
const two = 'stages: {match: {replicas: 2}}';

test.each([
  ['one worker', '', []],
  ['a volume', `${two}, retention: {claimName: people}, `, []],
  ['a server', `${two}, retention: {storeRef: {name: people}}, `, []],
  ['packed stages, of which there is one each', `${two}, packing: PerNode, `, []],
  [
    'no volume',
    `${two}, `,
    [/^stages.match.replicas is 2: .* retention.claimName, or a server in retention.storeRef$/],
  ],
  [
    'no volume and a Broker',
    `${two}, delivery: {type: Broker}, `,
    [/retention.storeRef$/, /delivery.type HTTP/],
  ],
])('%s', (_, spec, problems) => {
  const found = standbyProblems(taskOf(`{${spec}${cameras}}`));
  expect(found).toEqual(problems.map((words) => expect.stringMatching(words)));
});
