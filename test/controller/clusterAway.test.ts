// A port where nobody listens is refused for real: no server has to be played.
import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from '@jest/globals';
import { Cluster } from '../../controller/cluster.ts';
import { TransientError } from '../../controller/errors.ts';
import { podResource } from '../../controller/resources.ts';
import { freePort } from '../support/cluster/daemons.ts';

test('a server that is away is worth another try', async () => {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'away', server: `https://127.0.0.1:${await freePort()}`, skipTLSVerify: true },
    { name: 'tester', token: 'secret-token' },
  );
  const cluster = new Cluster(config, { fieldManager: 'tester', requestTimeoutMs: 2000 });
  await expect(cluster.get(podResource, 'ns', 'a')).rejects.toThrow(TransientError);
});
