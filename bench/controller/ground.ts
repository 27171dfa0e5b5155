// A cluster of its own for a round, with the install on it, a client, and eyes on all objects. main.ts starts and stops it.
import { KubeConfig } from '@kubernetes/client-node';
import { Cluster } from '../../controller/cluster.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { startCluster, type Cluster as TestCluster } from '../../test/support/cluster/cluster.ts';
import { install } from '../../test/controller/liveController.ts';
import { startController, type ControllerProcess } from './controllerProcess.ts';
import { objectsOf } from './tasks.ts';
import { watchObjects, type WatchedObjects } from './watchedObjects.ts';

export interface Ground {
  spec: object;
  cluster: TestCluster;
  /** What a task of that name and uid needs. */
  objectsOf: (name: string, uid: string) => Manifest[];
  /** Of whoever applies tasks and looks on. */
  client: Cluster;
  /** Of the floor: with the rights of the controller and as many connections. */
  maker: Cluster;
  objects: WatchedObjects;
  startController(): Promise<ControllerProcess>;
  stop(): Promise<void>;
}

/** `hurry`: Kubernetes' own controllers make pods as fast as they can, instead of about five a second. */
export async function startGround(spec: object, hurry: boolean): Promise<Ground> {
  const cluster = await startCluster({
    controllers: true,
    hurry,
    kwokNodes: [{ name: 'edge-1' }, { name: 'cloud-1' }],
  });
  try {
    const token = await install(cluster);
    const client = new Cluster(configOf(cluster, cluster.adminToken), { fieldManager: 'bench' });
    const maker = new Cluster(configOf(cluster, token), { fieldManager: 'floor' });
    const objects = await watchObjects(client);
    const running = new Set<ControllerProcess>();
    return {
      spec,
      objectsOf: objectsOf(spec),
      cluster,
      client,
      maker,
      objects,
      async startController() {
        const controller = await startController(cluster, token);
        running.add(controller);
        return {
          ...controller,
          async stop() {
            if (running.delete(controller)) await controller.stop();
          },
        };
      },
      async stop() {
        for (const controller of running) await controller.stop();
        await objects.stop();
        client.close();
        maker.close();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function configOf({ url, certificate }: TestCluster, token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'bench',
      server: url,
      caData: Buffer.from(certificate).toString('base64'),
      skipTLSVerify: false,
    },
    { name: 'bench', token },
  );
  return config;
}
