// What must be in no log of a controller or a local controller, and requests that could bring it there. edgesKilled.cluster.test.ts
// makes them, and searches all that both have said at the level trace.
import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import { eventTypes } from '../../config/events.ts';
import { keySecretName } from '../../controller/taskTokens.ts';
import { toEnvelope } from '../../functions/host/codec.ts';
import type { Cluster } from '../support/cluster/cluster.ts';
import type { Site } from './link/site.ts';

const namespace = 'multi-edge-inference';
export const vector = Int8Array.from({ length: 64 }, (_, i) => ((i * 37) % 251) - 125);
export const wrongToken = 'wrong-token-0123456789-abcdef';
export const cameraPassword = 'camera-password-0123456789';
export const signature = 'signature-of-an-address-0123';

/** Of the cluster: the keys of the installation, the tokens of the task, and what its Secrets hold. */
export async function secretsOf(cluster: Cluster, task: string): Promise<string[]> {
  const read = async (...args: string[]) =>
    Object.values(
      (
        JSON.parse(await cluster.kubectl(['get', 'secret', '-o', 'json', ...args])) as {
          data: Record<string, string>;
        }
      ).data,
    ).flatMap((value) => [value, ...Buffer.from(value, 'base64').toString('utf8').trim().split('\n')]);
  const names = (await cluster.kubectl(['get', 'secret', '-o', 'name'])).split('\n');
  const own = names.find((name) => name.startsWith(`secret/mei-${task}-task-`))!;
  return [...(await read('-n', namespace, keySecretName)), ...(await read(own.replace('secret/', '')))];
}

interface Asked {
  site: Site;
  /** Port of the controller's link. */
  port: number;
  localUrl: string;
  task: string;
  worker: string;
  taskToken: string;
  nodeToken: string;
}

/** Says right and wrong things to both, with right and wrong tokens; gives the statuses. */
export async function sayAll(asked: Asked): Promise<number[]> {
  const { localUrl, worker, task, taskToken, nodeToken } = asked;
  const event = {
    id: 'v-1',
    source: `/namespaces/default/multiedgeinferences/${task}/embed/a`,
    type: eventTypes.tracklets,
    partitionkey: 'a',
    data: {
      camera: 'a',
      model: 'ab'.repeat(32),
      dimensions: vector.length,
      image: { width: 640, height: 480 },
      tracklets: [
        {
          track: 't.1',
          phase: 'start',
          revision: 1,
          from: 1,
          to: 2,
          observations: 3,
          path: Float32Array.of(0, 0.1, 0.2, 0.3, 0.4),
          prototypes: [{ slot: 0, vector, scale: 0.01, quality: 0.5, time: 1.5, weight: 2 }],
        },
      ],
    },
  };
  const { attributes, data } = toEnvelope(event);
  const base64 = data.kind === 'bytes' ? Buffer.concat(data.parts).toString('base64') : '';
  const structured = JSON.stringify({ ...attributes, data_base64: base64 });
  const toLocal = async (token: string, body: string) => {
    const headers = { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${token}` };
    return (
      await fetch(`${localUrl}/v1/workers/${worker}/events?access_token=${token}`, {
        method: 'POST',
        headers,
        body,
      })
    ).status;
  };
  const said = [await toLocal(taskToken, structured), await toLocal(wrongToken, structured)];
  said.push(await toLocal(taskToken, `{"data_base64": "${base64}", ${taskToken}`));
  const state = (body: object | string, token: string) =>
    toController(
      asked,
      `/default/sedna/upstream/multiedgeinferences/${task}/status?node=edge-1&access_token=${token}`,
      token,
      body,
    );
  const taskInfo = {
    trackingObjectNumber: 1,
    findUnkownObject: true,
    startTime: '2026-01-01T12:00:00Z',
    currentTime: '2026-01-01T12:01:00Z',
  };
  said.push(await state({ phase: 'embed', status: 'Running', output: { taskInfo } }, nodeToken));
  said.push(await state({ phase: nodeToken, status: 'Running', output: { taskInfo } }, nodeToken));
  said.push(await state({ phase: 'embed', status: 'Running' }, wrongToken));
  said.push(await state(`{${nodeToken}`, nodeToken));
  return said;
}

function toController(
  { site, port }: Asked,
  path: string,
  token: string,
  body: object | string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        ca: readFileSync(site.authority.ca),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode!));
      },
    );
    sent.on('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** As it stands, and as it travels. */
export function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ];
}

/** A vector as a list, as bytes in base64, or as an object of Buffer. */
export const vectorSpellings = [
  [...vector.subarray(0, 6)].join(),
  ...[0, 1, 2].map((offset) => Buffer.from(vector.buffer, 12 + offset, 24).toString('base64')),
  '"type":"Buffer"',
];
