import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { eventTypes } from '../../config/events.ts';
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { parseTask } from '../../config/task.ts';
import { desired, type Surroundings } from '../../controller/desired.ts';

const surroundings = {
  functions: loadFunctions(),
  resolveModel,
  defaultModels,
  threads: 1,
  clockStart: 1_000,
  resultsFolder: '/results',
  storeFolder: '/store',
};

function plan(spec: string, name = 'gate', around: Surroundings = surroundings) {
  const text = `{apiVersion: sedna.io/v1alpha1, kind: MultiEdgeInference, metadata: {name: ${name}}, spec: ${spec}}`;
  return desired(parseTask(text, 'task.yaml'), around);
}

const twoCameras = 'cameras: [{id: a, source: {uri: a.mp4}}, {id: b, source: {uri: b.mp4}}]';

test('PerStage: a worker for each stage, each sending to the next and reporting to status', () => {
  const { workers } = plan(`{${twoCameras}}`);
  const next = Object.fromEntries(workers.map(({ name, routes }) => [name, routes]));
  expect(next).toEqual({
    'gate-ingest': {
      [eventTypes.frame]: 'gate-detect',
      [eventTypes.stream]: 'gate-detect',
      [eventTypes.report]: 'gate-status',
    },
    'gate-detect': {
      [eventTypes.tracks]: 'gate-embed',
      [eventTypes.stream]: 'gate-embed',
      [eventTypes.report]: 'gate-status',
    },
    'gate-embed': {
      [eventTypes.tracklets]: 'gate-match',
      [eventTypes.stream]: 'gate-match',
      [eventTypes.report]: 'gate-status',
    },
    'gate-match': { [eventTypes.identities]: 'gate-status', [eventTypes.report]: 'gate-status' },
    'gate-status': {},
  });
});

test('PerNode: one worker a node and one in the cloud; only features and reports are routed between them', () => {
  const { workers } = plan(`{packing: PerNode, ${twoCameras}}`);
  expect(workers.map(({ name, placement, config }) => [name, placement, config.stages])).toEqual([
    ['gate-edge', 'edge', ['ingest', 'detect', 'embed']],
    ['gate-cloud', 'cloud', ['match', 'status']],
  ]);
  expect(Object.keys(workers[0]!.routes).sort()).toEqual(
    [eventTypes.report, eventTypes.stream, eventTypes.tracklets].sort(),
  );
  expect(workers[1]!.routes).toEqual({});
});

test('cameras are grouped by their node, and the stages of a node talk to each other', () => {
  const { workers } = plan(
    '{cameras: [{id: a, node: edge-1, source: {uri: a.mp4}}, {id: b, node: edge.two, source: {uri: b.mp4}}, {id: c, node: edge-1, source: {uri: c.mp4}}]}',
  );
  const ingest = workers.filter(({ config }) => config.stages.includes('ingest'));
  expect(ingest.map(({ config }) => [config.node, config.cameras.map(({ id }) => id)])).toEqual([
    ['edge-1', ['a', 'c']],
    ['edge.two', ['b']],
  ]);
  for (const { config, routes } of ingest) {
    const detect = workers.find(({ name }) => name === routes[eventTypes.frame]);
    expect(detect?.config.node).toBe(config.node);
  }
  const match = workers.find(({ config }) => config.stages.includes('match'));
  expect(match?.config.cameras.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});

test('names are DNS labels and unique, whatever nodes are called', () => {
  const longNode = `${'x'.repeat(60)}.example`;
  const nodes = ['n.a', 'n-a', longNode, `${longNode}s`];
  const cameras = nodes.map((node, i) => `{id: c${i}, node: ${node}, source: {uri: a.mp4}}`).join(', ');
  const names = plan(`{packing: PerNode, cameras: [${cameras}]}`).workers.map(({ name }) => name);
  expect(new Set(names).size).toBe(5);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
});

test('only edge workers keep local results, only cloud workers have the store', () => {
  const { workers } = plan(`{packing: PerNode, ${twoCameras}}`);
  expect(workers.map(({ config }) => [config.resultsFolder, config.storeFolder])).toEqual([
    ['/results', undefined],
    [undefined, '/store'],
  ]);
});

test('embed in the cloud is fed with crops from the edge', () => {
  const { workers } = plan(
    `{packing: PerNode, privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}, ${twoCameras}}`,
  );
  expect(workers.map(({ config }) => config.stages)).toEqual([
    ['ingest', 'detect'],
    ['embed', 'match', 'status'],
  ]);
  expect(workers[0]!.routes[eventTypes.tracks]).toBe('gate-cloud');
});

test('credentials are names of environment variables, never values; files without a time start at the common clock', () => {
  const { workers } = plan(
    '{cameras: [{id: gate-2, source: {uri: "rtsp://10.0.0.1/a", secretRef: {name: s}}}, {id: f, source: {uri: f.mp4}}]}',
  );
  const [camera, file] = workers[0]!.config.cameras;
  expect(camera?.source).toMatchObject({
    type: 'RTSP',
    usernameEnv: 'CAMERA_GATE_2_USERNAME',
    passwordEnv: 'CAMERA_GATE_2_PASSWORD',
  });
  expect(file?.source.startTime).toBe(1_000);
});

test('an unknown model is refused by name', () => {
  expect(() =>
    plan(`{stages: {detect: {modelRef: {name: rtmdet-nano-person-384x513}}}, ${twoCameras}}`),
  ).toThrow(/rtmdet-nano-person-384x513.*did you mean rtmdet-nano-person-384x512/);
});

test('planning is pure: the same task gives the same plan', () => {
  const text = readFileSync('config/samples/two-cameras.yaml', 'utf8');
  const twice = [1, 2].map(() => JSON.stringify(desired(parseTask(text, 'two-cameras.yaml'), surroundings)));
  expect(twice[0]).toBe(twice[1]);
});

test('a worker that pulls cameras has a thread for each of them', () => {
  const { workers } = plan(`{packing: PerNode, ${twoCameras}}`);
  expect(workers.map(({ env }) => env)).toEqual([{ UV_THREADPOOL_SIZE: '16' }, {}]);
});

test('what leaves the node waits in an outbox of its worker, but no pictures; the cloud has none', () => {
  const outboxes = (spec: string) => {
    const { workers } = plan(spec, 'gate', { ...surroundings, outboxFolder: '/outbox' });
    return Object.fromEntries(workers.map(({ name, config }) => [name, config.outbox]));
  };
  const bounds = { maxBytes: 100 * 2 ** 20, maxAgeS: 86_400 };
  const { tracklets, stream, report } = eventTypes;
  const perNode = outboxes(`{packing: PerNode, ${twoCameras}}`);
  expect(perNode['gate-edge']).toMatchObject({ folder: '/outbox/gate-edge', ...bounds });
  expect(perNode['gate-edge']!.types.toSorted()).toEqual([report, stream, tracklets]);
  expect(perNode['gate-cloud']).toBeUndefined();

  const perStage = outboxes(`{delivery: {outbox: {maxBytes: 1Mi, maxAge: 2h}}, ${twoCameras}}`);
  expect(perStage['gate-ingest']).toEqual({
    folder: '/outbox/gate-ingest',
    maxBytes: 2 ** 20,
    maxAgeS: 7200,
    types: [report],
  });
  expect(perStage['gate-embed']!.types.toSorted()).toEqual([report, stream, tracklets]);
  expect(perStage['gate-match']).toBeUndefined();

  const crops = outboxes(
    `{privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}, ${twoCameras}}`,
  );
  expect(crops['gate-detect']!.types.toSorted()).toEqual([report, stream]);
});

test('without a folder nothing is kept', () => {
  expect(plan(`{${twoCameras}}`).workers.map(({ config }) => config.outbox)).toEqual(
    Array(5).fill(undefined),
  );
});
