// Several workers of a stage: who sends to whom, as all backends are told.
import { describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../config/events.ts';
import { desired } from '../../controller/desired.ts';
import { receiversOf, sinksOf } from '../../controller/receivers.ts';
import { surroundings, taskOf } from './sampleTasks.ts';

const plan = (spec: string) => desired(taskOf(spec), surroundings).workers;
const camera = (id: string, node: string) =>
  `{id: ${id}, node: ${node}, source: {uri: "rtsp://10.0.0.1/${id}"}}`;
const five = `cameras: [${['a', 'b', 'c', 'd', 'e'].map((id) => camera(id, 'one')).join(', ')}]`;

function named(workers: ReturnType<typeof plan>, name: string) {
  const found = workers.find((worker) => worker.name === name);
  if (!found) throw new Error(`no ${name} among ${workers.map((each) => each.name).join(', ')}`);
  const { sinks, shards } = sinksOf(found, workers, ({ name: to }) => `http://${to}/`);
  return { worker: found, sinks, shards, ids: found.config.cameras.map(({ id }) => id) };
}

describe('embed shares the cameras of a node', () => {
  const workers = plan(`{stages: {embed: {replicas: 2}}, ${five}}`);
  const [first, second] = [named(workers, 'gate-embed-one'), named(workers, 'gate-embed2-one')];

  test('each camera has one worker', () => {
    expect([...first.ids, ...second.ids].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([first.ids.length, second.ids.length].sort()).toEqual([2, 3]);
    expect(workers.filter(({ config }) => config.stages.includes('detect'))).toHaveLength(1);
  });

  test('detect is told who has which, and sends the same types to all', () => {
    const { sinks, shards } = named(workers, 'gate-detect-one');
    const shared = [
      { url: 'http://gate-embed-one/', cameras: first.ids },
      { url: 'http://gate-embed2-one/', cameras: second.ids },
    ];
    expect(shards).toEqual({ [eventTypes.tracks]: shared, [eventTypes.stream]: shared });
    expect(sinks[eventTypes.tracks]).toBe('http://gate-embed-one/');
    expect(second.sinks[eventTypes.tracklets]).toBe('http://gate-match/');
    expect(second.shards).toBeUndefined();
  });

  test('no more workers than cameras, and a single one where stages are packed', () => {
    const names = (spec: string) => plan(spec).map(({ name }) => name);
    const many = names(`{stages: {embed: {replicas: 16}}, ${five}}`);
    expect(many.filter((name) => name.includes('embed'))).toHaveLength(5);
    expect(names(`{packing: PerNode, stages: {embed: {replicas: 2}}, ${five}}`)).toEqual([
      'gate-edge-one',
      'gate-cloud',
    ]);
  });
});

test('detect and embed may both be several', () => {
  const workers = plan(`{stages: {detect: {replicas: 2}, embed: {replicas: 3}}, ${five}}`);
  for (const name of ['gate-detect-one', 'gate-detect2-one']) {
    const { ids, shards } = named(workers, name);
    const told = shards![eventTypes.tracks]!.flatMap(({ cameras }) => cameras);
    expect(told.sort()).toEqual([...ids].sort());
  }
  const ingest = named(workers, 'gate-ingest-one');
  expect(ingest.shards![eventTypes.frame]!.map(({ url }) => url)).toEqual([
    'http://gate-detect-one/',
    'http://gate-detect2-one/',
  ]);
});

test('embed in the cloud shares the cameras of all nodes; each node is told of its own', () => {
  const cameras = `cameras: [${camera('a', 'one')}, ${camera('b', 'one')}, ${camera('c', 'two')}, ${camera('d', 'two')}]`;
  const workers = plan(
    `{privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud, replicas: 2}}, ${cameras}}`,
  );
  for (const [node, ids] of [
    ['one', ['a', 'b']],
    ['two', ['c', 'd']],
  ] as const) {
    const told = named(workers, `gate-detect-${node}`).shards![eventTypes.tracks]!;
    expect(told.flatMap((each) => each.cameras).sort()).toEqual(ids);
    for (const { url, cameras: some } of told)
      expect(named(workers, new URL(url).hostname).ids).toEqual(expect.arrayContaining(some));
  }
});

test('match: one decides, the others stand by; all know all cameras, and are one group', () => {
  const workers = plan(`{stages: {match: {replicas: 3}}, ${five}}`);
  const group = ['gate-match', 'gate-match2', 'gate-match3'].map((name) => named(workers, name));
  expect(group.map(({ worker }) => worker.config.group)).toEqual(['gate-match', 'gate-match', 'gate-match']);
  expect(new Set(group.map(({ ids }) => ids.join()))).toEqual(new Set(['a,b,c,d,e']));
  const embed = named(workers, 'gate-embed-one');
  expect(embed.sinks[eventTypes.tracklets]).toBe(
    'http://gate-match/ http://gate-match2/ http://gate-match3/',
  );
  expect(receiversOf(embed.worker, workers).map(({ name }) => name)).toEqual([
    'gate-match',
    'gate-match2',
    'gate-match3',
    'gate-status',
  ]);
  expect(named(plan(`{${five}}`), 'gate-match').worker.config.group).toBeUndefined();
});

test('a node that is called like a number of a worker takes no name away', () => {
  const cameras = ['1', '2', 'embed', 'embed2'].map((node, i) => camera(`c${i}`, `n-${node}`)).join(', ');
  const more = [camera('x', '2-n'), camera('y', '2-n'), camera('z', 'n')].join(', ');
  const names = plan(`{stages: {embed: {replicas: 2}}, cameras: [${cameras}, ${more}]}`).map(
    ({ name }) => name,
  );
  expect(new Set(names).size).toBe(names.length);
});
