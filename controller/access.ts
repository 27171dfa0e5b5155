// Where the API server is and who asks: main.ts needs it once. In a pod three small files of the kubelet say it all; only
// outside one is client-node loaded, because its models take 85 MB of memory before the first request.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';

/** What a KubeConfig of client-node can do too. */
export interface ApiAccess {
  getCurrentCluster(): { server: string } | null;
  /** Adds authority and credentials. Asked before each request: they are renewed while the process runs. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

const usualFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews a token long before it ends. */
const rereadMs = 60_000;

/**
 * KUBECONFIG, then the service account of the pod (MEI_SERVICE_ACCOUNT: its folder), then ~/.kube/config.
 * @throws Error when a kubeconfig cannot be read
 */
export async function findAccess(env: NodeJS.ProcessEnv): Promise<ApiAccess> {
  const folder = env['MEI_SERVICE_ACCOUNT'] || usualFolder;
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!env['KUBECONFIG'] && host && existsSync(join(folder, 'token')))
    return new PodAccess(folder, host, env['KUBERNETES_SERVICE_PORT'] || '443');
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

class PodAccess implements ApiAccess {
  readonly #folder: string;
  readonly #server: string;
  #read: { token: string; ca: string; atMs: number } | undefined;

  constructor(folder: string, host: string, port: string) {
    this.#folder = folder;
    this.#server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  getCurrentCluster(): { server: string } {
    return { server: this.#server };
  }

  async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    const { token, ca } = await this.#current();
    options.ca = ca;
    options.headers = { ...(options.headers as object), authorization: `Bearer ${token}` };
  }

  async #current(): Promise<{ token: string; ca: string }> {
    if (this.#read && performance.now() - this.#read.atMs < rereadMs) return this.#read;
    const [token, ca] = await Promise.all(
      ['token', 'ca.crt'].map((name) => readFile(join(this.#folder, name), 'utf8')),
    );
    this.#read = { token: token!.trim(), ca: ca!, atMs: performance.now() };
    return this.#read;
  }
}
