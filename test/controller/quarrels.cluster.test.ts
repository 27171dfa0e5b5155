// Others that write what the controller writes: it sets right what is its own, leaves the rest alone, and never goes round in circles.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { onCluster } from '../support/cluster/onCluster.ts';
import {
  conditionOf,
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  taskPath,
  type LiveController,
} from './liveController.ts';
import { worldOf } from './world.ts';

jest.setTimeout(150_000);

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]';
const packed = `{packing: PerNode, ${cameras}}`;
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const image = 'registry.example/multi-edge-inference:0.1.0';

onCluster(
  'a controller among others',
  { controllers: true, kwokNodes: [{ name: 'edge-1' }, { name: 'cloud' }] },
  (cluster) => {
    let token: string;
    const controllers: LiveController[] = [];
    beforeAll(async () => {
      token = await install(cluster());
    }, 120_000);
    afterEach(async () => {
      for (const controller of controllers.splice(0)) await controller.stop();
    });

    const begin = async (options: Parameters<typeof startLive>[2] = {}) => {
      const controller = await startLive(cluster(), token, options);
      controllers.push(controller);
      return controller;
    };
    const task = (name: string, isWanted: (task: Awaited<ReturnType<typeof readTask>>) => boolean) =>
      eventually(() => readTask(cluster(), name), isWanted);
    const running = (name: string) => task(name, ({ status }) => status?.phase === 'Running');
    const calm = (controller: LiveController) =>
      eventually(
        async () => controller.queueLength(),
        (length) => length === 0,
      );
    const deployment = async (name: string) =>
      (await cluster().request('GET', `${deployments}/${name}`)).body as {
        metadata: { annotations?: object };
        spec: {
          replicas: number;
          template: { spec: { containers: { image: string; env: { name: string }[] }[] } };
        };
      };

    test('a manager that takes fields by force, again and again, is named, and neither side is kept busy', async () => {
      const controller = await begin({ quarrels: { minMs: 400, maxMs: 3000, calmMs: 6000 } });
      await createTask(cluster(), 'fought', packed);
      await running('fought');
      const claim = JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'fought-cloud', annotations: { 'rival.example/mark': 'kept' } },
        spec: {
          replicas: 0,
          template: {
            spec: {
              containers: [
                { name: 'worker', image: 'rival.example/image', env: [{ name: 'RIVAL', value: '1' }] },
              ],
            },
          },
        },
      });
      const take = () =>
        cluster().kubectl(
          ['apply', '--server-side', '--force-conflicts', '--field-manager=rival', '-f', '-'],
          claim,
        );
      const writes = () =>
        controller.writes().filter((write) => write.endsWith('/deployments/fought-cloud')).length;
      const before = writes();
      let isFighting = true;
      let taken = 0;
      const fight = (async () => {
        while (isFighting) {
          await take();
          taken++;
          await eventually(
            () => deployment('fought-cloud'),
            ({ spec }) => !isFighting || spec.replicas === 1,
          );
        }
      })();
      const found = await task('fought', (each) => conditionOf(each, 'Degraded').startsWith('True/Quarrel'));
      expect(conditionOf(found, 'Degraded')).toMatch(
        /^True\/Quarrel: others change Deployment fought-cloud again and again \(.*conflict.* with "rival".*\.spec\.replicas.*make them leave it alone/s,
      );
      const atQuarrel = writes() - before;
      await delay(6000);
      isFighting = false;
      await fight;
      // Five at once, then after 0.4, 0.8, 1.6 and 3 s; where the server is asked who the others are, that counts too.
      expect(taken).toBeGreaterThanOrEqual(6);
      expect(atQuarrel).toBeLessThanOrEqual(8);
      expect(writes() - before).toBeLessThanOrEqual(20);
      const events = await cluster().kubectl([
        'get',
        'events',
        '--field-selector=involvedObject.name=fought,reason=Quarrel',
        '-o',
        'jsonpath={.items[*].type}',
      ]);
      expect(events).toBe('Warning');
      await eventually(
        () => deployment('fought-cloud'),
        ({ spec }) => spec.replicas === 1,
      );
      const { metadata, spec } = await deployment('fought-cloud');
      const [container] = spec.template.spec.containers;
      expect(container!.image).toBe(image);
      expect(container!.env.map(({ name }) => name)).toContain('RIVAL');
      expect(metadata.annotations).toMatchObject({ 'rival.example/mark': 'kept' });
      await task('fought', (each) => conditionOf(each, 'Degraded').startsWith('False'));
      await running('fought');
    });

    test('one that deletes an object whenever it is there does not make it be written without end', async () => {
      const controller = await begin({ quarrels: { minMs: 1000 } });
      await createTask(cluster(), 'hunted', packed);
      await running('hunted');
      const services = '/api/v1/namespaces/default/services';
      const path = `${services}/hunted-cloud`;
      const writes = () =>
        controller.writes().filter((write) => write === `PATCH ${path}` || write === `POST ${services}`)
          .length;
      const before = writes();
      const until = performance.now() + 5000;
      while (performance.now() < until) {
        await cluster().request('DELETE', path);
        await delay(20);
      }
      expect(writes() - before).toBeGreaterThanOrEqual(5);
      expect(writes() - before).toBeLessThanOrEqual(14);
      const found = await readTask(cluster(), 'hunted');
      expect(conditionOf(found, 'Degraded')).toContain(
        'True/Quarrel: others change Service hunted-cloud again and again',
      );
      await eventually(
        async () => (await cluster().request('GET', path)).status,
        (status) => status === 200,
      );
    });

    test('a status that people edit is set right where it is its own, and left alone where it is of others', async () => {
      const controller = await begin();
      await createTask(cluster(), 'embellished', packed);
      const honest = await running('embellished');
      await calm(controller);
      const edit = (status: object) =>
        cluster().request(
          'PATCH',
          `${taskPath('embellished')}/status`,
          { status },
          { contentType: 'application/merge-patch+json' },
        );
      const before = controller.writes().length;
      expect(
        (
          await edit({
            phase: 'Completed',
            conditions: [],
            identities: 12,
            cameras: [{ id: 'a', state: 'connected' }],
          })
        ).status,
      ).toBe(200);
      const mended = await task('embellished', (each) =>
        conditionOf(each, 'SourcesConnected').startsWith('True'),
      );
      expect(mended.status).toMatchObject({
        phase: 'Running',
        identities: 12,
        cameras: [{ id: 'a', state: 'connected' }],
      });
      expect(mended.status?.stages).toEqual(honest.status?.stages);
      await calm(controller);
      expect(
        controller
          .writes()
          .slice(before)
          .filter((write) => !write.includes('/status') && !write.endsWith('/events')),
      ).toEqual([]);
      // One that does it without end is answered five times, and then only now and then.
      const rounds = controller.writes().length;
      for (let round = 0; round < 30; round++) {
        await edit({ phase: 'Completed' });
        await delay(50);
      }
      const answers = controller
        .writes()
        .slice(rounds)
        .filter((write) => write.endsWith('/status')).length;
      expect(answers).toBeGreaterThanOrEqual(4);
      expect(answers).toBeLessThanOrEqual(9);
      expect(controller.log.lines.join()).toContain('others change the status again and again');
      await running('embellished');
    });

    test('two controllers that both believe to lead come to the same, and to rest', async () => {
      const [one, two] = [await begin(), await begin()];
      await createTask(cluster(), 'twins', packed);
      await running('twins');
      for (const controller of [one, two]) await calm(controller);
      await createTask(cluster(), 'twins', `{packing: PerNode, matching: {threshold: 0.6}, ${cameras}}`);
      await task('twins', ({ status }) => status?.phase === 'Running' && status.observedGeneration === 2);
      for (const controller of [one, two]) await calm(controller);
      const writes = [one, two].map((controller) => controller.writes().length);
      expect(Math.max(...writes)).toBeLessThan(60);
      const before = await worldOf(cluster(), 'twins');
      await delay(2000);
      expect([one, two].map((controller) => controller.writes().length)).toEqual(writes);
      expect(await worldOf(cluster(), 'twins')).toEqual(before);
    });

    test('of two tasks whose workers have one name the second waits, and takes nothing from the first', async () => {
      const controller = await begin();
      // Both want a worker `pair-edge-cloud`: the first on the node called cloud, the second in the cloud.
      await createTask(cluster(), 'pair-edge', packed);
      await createTask(cluster(), 'pair', `{packing: PerNode, ${cameras.replace('edge-1', 'cloud')}}`);
      const states = async () => [await readTask(cluster(), 'pair-edge'), await readTask(cluster(), 'pair')];
      await eventually(
        states,
        (both) =>
          both
            .map(({ status }) => status?.phase)
            .sort()
            .join() === 'Pending,Running',
      );
      const waiting = (await states()).find(({ status }) => status?.phase === 'Pending')!;
      const other = waiting.metadata.name === 'pair' ? 'pair-edge' : 'pair';
      expect(conditionOf(waiting, 'WorkersCreated')).toContain(
        `still belongs to another task or to an earlier one, ${other}`,
      );
      const before = controller.writes().length;
      await delay(3000);
      const writes = controller.writes().slice(before);
      expect(writes.filter((write) => !write.includes('/status') && !write.endsWith('/events'))).toEqual([]);
      expect(writes.length).toBeLessThanOrEqual(2);
      await cluster().kubectl(['delete', 'mei', other]);
      await running(waiting.metadata.name);
    });
  },
);
