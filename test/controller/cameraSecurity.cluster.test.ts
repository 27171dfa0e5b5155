// Cameras that push on a real API server: without a token their task is refused, with one its worker gets the Secret's file.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { V1Deployment } from '@kubernetes/client-node';
import type { Task } from '../../config/schema/resource.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import {
  conditionOf,
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  type LiveController,
} from './liveController.ts';

jest.setTimeout(150_000);

onCluster('cameras that push', { controllers: true, kwokNodes: [{ name: 'edge-1' }] }, (cluster) => {
  let live: LiveController;
  beforeAll(async () => {
    live = await startLive(cluster(), await install(cluster()), { resyncMs: 1000 });
  }, 120_000);
  afterAll(() => live?.stop());

  const task = (name: string, isWanted: (task: Task) => boolean) =>
    eventually(() => readTask(cluster(), name), isWanted);
  const ingestOf = async (name: string) =>
    JSON.parse(
      await cluster().kubectl(['get', 'deployment', `${name}-ingest`, '-o', 'json']),
    ) as V1Deployment;

  test('a camera without a token: the task is refused and says what to do, and no worker is made', async () => {
    await createTask(cluster(), 'open', '{cameras: [{id: door, source: {type: Push}}]}');
    const refused = await task(
      'open',
      (each) => conditionOf(each, 'WorkersCreated')?.includes('camera door') ?? false,
    );
    expect(conditionOf(refused, 'WorkersCreated')).toMatch(
      /anybody could push its pictures: name a Secret with its token in source\.push\.tokenRef/,
    );
    await expect(ingestOf('open')).rejects.toThrow(/not found/i);
  });

  test('a camera with a token: the file of its Secret, as the API server took it', async () => {
    await createTask(
      cluster(),
      'shut',
      '{cameras: [{id: door, source: {push: {tokenRef: {name: door-token}, origins: [events.example]}}}]}',
    );
    await task('shut', (each) => each.status?.phase === 'Running');
    const { spec } = await ingestOf('shut');
    const { volumes, containers } = spec!.template.spec!;
    expect(volumes!.find(({ name }) => name === 'cameras')!.projected).toMatchObject({
      defaultMode: 0o440,
      sources: [
        { secret: { name: 'door-token', items: [{ key: 'token', path: 'door/token' }], optional: true } },
      ],
    });
    expect(containers[0]!.env).toContainEqual({
      name: 'CAMERA_DOOR_TOKEN_FILE',
      value: '/etc/multi-edge-inference-cameras/door/token',
    });
  });
});
