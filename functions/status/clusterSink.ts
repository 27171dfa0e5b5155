// Where the status goes in a cluster: into the resource, by server-side apply. The controller writes phase, conditions and
// stages there; this writes what only workers know, as another field manager, so that neither undoes the other.
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { group, kind, plural, version } from '../../config/schema/resource.ts';
import type { Status } from '../../config/schema/status.ts';
import { TransientError } from '../function.ts';
import type { StatusSink } from './sink.ts';

export interface ClusterSinkOptions {
  task: { name: string; namespace: string; uid: string };
  /** Sends the body to the path; resolves when the server took it. @throws TransientError */
  apply: (path: string, body: object) => Promise<void>;
  /** Milliseconds of a clock that never goes back. */
  nowMs?: () => number;
}

const fieldManager = 'multi-edge-inference-status';
/** Figures that always move are written only so often: each write costs the API server and everybody who watches. */
const figuresEveryMs = 10_000;
const moving = new Set(['lastReportTime', 'fps', 'people', 'dropped', 'progress', 'currentTime']);

export function clusterSink({
  task,
  apply,
  nowMs = () => performance.now(),
}: ClusterSinkOptions): StatusSink {
  const { name, namespace, uid } = task;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}/status?fieldManager=${fieldManager}&force=true`;
  let last: { standing: string; atMs: number } | undefined;
  return {
    async write(status) {
      const { phase: _phase, stages: _stages, ...own } = status;
      const standing = JSON.stringify(own, (field, value: unknown) =>
        moving.has(field) ? undefined : value,
      );
      if (last?.standing === standing && nowMs() - last.atMs < figuresEveryMs) return;
      // The server does not compare the uid on /status: workers of a deleted task may write until they are collected.
      const metadata = { name, namespace, ...(uid !== '' && { uid }) };
      await apply(path, { apiVersion: `${group}/${version}`, kind, metadata, status: own satisfies Status });
      last = { standing, atMs: nowMs() };
    },
  };
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const timeoutMs = 10_000;
const longestAnswer = 2000;

/** Applies with the account of the pod; its token is read each time, because the kubelet renews it. */
export function podApply(environment: NodeJS.ProcessEnv, folder = account): ClusterSinkOptions['apply'] {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  return async (path, body) => {
    const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
    try {
      const token = (await readFile(`${folder}/token`, 'utf8')).trim();
      const ca = await readFile(`${folder}/ca.crt`);
      const { status, text } = await patch(url, token, ca, JSON.stringify(body));
      if (status < 200 || status > 299) throw new Error(`${status} ${messageIn(text)}`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransientError(`the status cannot be written to ${url.split('?')[0]} (${why})`, { cause });
    }
  };
}

function patch(
  url: string,
  token: string,
  ca: Buffer,
  body: string,
): Promise<{ status: number; text: string }> {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'content-type': 'application/apply-patch+yaml',
    'content-length': Buffer.byteLength(body),
  };
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PATCH', ca, headers, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < longestAnswer) text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
