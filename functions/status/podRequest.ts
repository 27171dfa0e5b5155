// How the status function asks the API server when it runs in a pod: with the account that the kubelet mounts.
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';

/** Sends one request to the API server as the worker's own account. @throws Error when there is no answer */
export type ApiRequest = (
  method: 'GET' | 'PATCH',
  path: string,
  body?: object,
) => Promise<{ status: number; text: string }>;

const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const timeoutMs = 10_000;
const longestAnswer = 8 * 1024 * 1024;

/** Asks with the account of the pod; its token is read each time, because the kubelet renews it. */
export function podRequest(environment: NodeJS.ProcessEnv, folder = account): ApiRequest {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  return async (method, path, body) => {
    const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
    const token = (await readFile(`${folder}/token`, 'utf8')).trim();
    const ca = await readFile(`${folder}/ca.crt`);
    return send(url, { method, token, ca, body: body === undefined ? '' : JSON.stringify(body) });
  };
}

function send(
  url: string,
  { method, token, ca, body }: { method: string; token: string; ca: Buffer; body: string },
): Promise<{ status: number; text: string }> {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    ...(body !== '' && {
      'content-type': 'application/apply-patch+yaml',
      'content-length': Buffer.byteLength(body),
    }),
  };
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, ca, headers, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > longestAnswer) sent.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
