// Local controllers as processes beside a controller on a real API server: what the task's status says of them, and its deletion.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Downstream } from '../../controller/downstream/downstream.ts';
import { serveLinks, type LinkServer } from '../../controller/downstream/server.ts';
import { finalizer } from '../../controller/farewell.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { startLocal, type LocalProcess } from './link/localProcess.ts';
import { createSite, quickHeartbeat, type Site } from './link/site.ts';
import {
  conditionOf,
  createTask,
  eventually,
  install,
  readTask,
  startLive,
  type LiveController,
} from './liveController.ts';
import { recordingLog } from './recordingLog.ts';

jest.setTimeout(180_000);

const spec = (threshold: number) =>
  `{packing: PerNode, matching: {threshold: ${threshold}}, cameras: [` +
  ['edge-1', 'edge-2']
    .map((node, index) => `{id: c${index}, node: ${node}, source: {uri: "rtsp://192.0.2.1/${index}"}}`)
    .join(', ') +
  ']}';

onCluster(
  'local controllers of a task',
  { controllers: true, kwokNodes: [{ name: 'edge-1' }, { name: 'edge-2' }] },
  (cluster) => {
    let token: string;
    let site: Site;
    let controller: LiveController;
    let server: LinkServer;
    const locals: LocalProcess[] = [];

    beforeAll(async () => {
      token = await install(cluster());
      site = createSite();
      for (const node of ['edge-1', 'edge-2']) site.addToken(node);
    }, 120_000);
    afterAll(async () => {
      for (const { child } of locals) child.kill('SIGKILL');
      await server?.close();
      await controller?.stop();
      site?.remove();
    });

    async function startController(port = 0): Promise<void> {
      const log = recordingLog();
      controller = await startLive(cluster(), token, {
        createDownstream: (onChange, now) => new Downstream({ log, onChange, now }),
      });
      const files = { ...site.certificate, tokensFolder: site.tokensFolder };
      server = await serveLinks({
        downstream: controller.downstream!,
        routes: () => [],
        files,
        port,
        host: '127.0.0.1',
        heartbeat: quickHeartbeat,
        log,
      });
    }

    async function start(node: string): Promise<LocalProcess> {
      const local = await startLocal(site, node, server.port);
      locals.push(local);
      return local;
    }

    const synced = (words: string) =>
      eventually(
        () => readTask(cluster(), 'gate'),
        (task) => conditionOf(task, 'EdgesSynced').startsWith(words),
        30_000,
      );
    const generations = async () =>
      ((await readTask(cluster(), 'gate')).status?.nodes ?? []).map(
        ({ name, generation }) => `${name}/${generation}`,
      );

    test('the condition follows what nodes confirm, over edits, absences and a new controller; a deletion reaches them', async () => {
      await startController();
      await createTask(cluster(), 'gate', spec(0.5));
      await synced('Unknown/NoLocalController');
      expect((await readTask(cluster(), 'gate')).metadata).not.toHaveProperty('finalizers');

      const one = await start('edge-1');
      await synced('False/NotConfirmed: node edge-2 has no local controller');
      const two = await start('edge-2');
      await synced('True/Confirmed: all 2 nodes have confirmed generation 1');
      expect(await generations()).toEqual(['edge-1/1', 'edge-2/1']);
      expect((await readTask(cluster(), 'gate')).metadata).toMatchObject({ finalizers: [finalizer] });

      await createTask(cluster(), 'gate', spec(0.6));
      await synced('True/Confirmed: all 2 nodes have confirmed generation 2');
      await two.kill('SIGKILL');
      await createTask(cluster(), 'gate', spec(0.7));
      const task = await synced(
        'False/NotConfirmed: node edge-2 has not confirmed generation 3 (last 2); not connected',
      );
      expect(conditionOf(task, 'EdgesSynced')).toMatch(/; not connected since \d\d:\d\d UTC$/);
      expect(await generations()).toEqual(['edge-1/3', 'edge-2/2']);

      const { port } = server;
      await server.close();
      await controller.stop();
      await startController(port);
      await eventually(
        async () => controller.downstream!.connectedNodes(),
        (count) => count === 1,
        10_000,
      );
      await synced('False/NotConfirmed: node edge-2 has not confirmed generation 3 (last 2)');
      const again = await start('edge-2');
      await synced('True/Confirmed: all 2 nodes have confirmed generation 3');

      // Nothing more is written once all is as it should be.
      await eventually(
        async () => controller.queueLength(),
        (length) => length === 0,
      );
      const { resourceVersion } = (await readTask(cluster(), 'gate')).metadata as {
        resourceVersion?: string;
      };
      controller.downstream!.resend('default/gate');
      await eventually(
        async () => controller.queueLength(),
        (length) => length === 0,
      );
      expect((await readTask(cluster(), 'gate')).metadata).toMatchObject({ resourceVersion });

      const { uid } = (await readTask(cluster(), 'gate')).metadata;
      const served = async (url: string, node: string) =>
        (await fetch(`${url}/v1/workers/gate-edge-${node}/config?uid=${uid}`)).status;
      expect(await served(one.url, 'edge-1')).toBe(200);
      await cluster().kubectl(['delete', 'mei', 'gate', '--timeout=20s']);
      expect(await served(one.url, 'edge-1')).toBe(404);
      expect(await served(again.url, 'edge-2')).toBe(404);
    });
  },
);
