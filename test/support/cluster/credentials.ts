// Keys and tokens of a test cluster, made anew for each: cluster.ts writes them into the cluster's private folder.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  adminToken: string;
  kubeconfigPath: string;
  /** Written by kube-apiserver when it starts. */
  certificatePath: string;
}

export function writeCredentials(folder: string, url: string): Credentials {
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const adminToken = randomBytes(24).toString('hex');
  write('tokens.csv', `${adminToken},admin,admin,system:masters\n`);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  write('service-account.key', privateKey.export({ type: 'sec1', format: 'pem' }) as string);
  write('service-account.pub', publicKey.export({ type: 'spki', format: 'pem' }) as string);
  const certificatePath = join(folder, 'apiserver.crt');
  return {
    adminToken,
    certificatePath,
    kubeconfigPath: write('kubeconfig', kubeconfig(url, certificatePath, adminToken)),
  };
}

/** A kubeconfig is YAML, and so is JSON. */
function kubeconfig(server: string, certificatePath: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': certificatePath } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  });
}
