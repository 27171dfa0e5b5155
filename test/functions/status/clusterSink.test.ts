// The status on its way into the resource: whose fields it takes, and how often.
import { expect, test } from '@jest/globals';
import type { Status } from '../../../config/schema/status.ts';
import { clusterSink } from '../../../functions/status/clusterSink.ts';
import { podRequest } from '../../../functions/status/podRequest.ts';

interface Resource {
  uid: string;
  version: number;
  isDown: boolean;
  reads: number;
  /** What others wrote. */
  status?: Status;
}

/** One resource that answers as the API server does: a version that is not the newest is a conflict. */
function open(uid = 'u1') {
  const sent: { path: string; body: { metadata: { resourceVersion: string }; status: Status } }[] = [];
  const resource: Resource = { uid, version: 1, isDown: false, reads: 0 };
  let nowMs = 0;
  const answer = () =>
    JSON.stringify({
      metadata: { uid: resource.uid, resourceVersion: String(resource.version) },
      ...(resource.status && { status: resource.status }),
    });
  const sink = clusterSink({
    task: { name: 'shop', namespace: 'ns', uid: 'u1' },
    async request(method, path, body) {
      if (resource.isDown) throw new Error('down');
      if (method === 'GET') {
        resource.reads++;
        return { status: 200, text: answer() };
      }
      const patch = { path, body: body as (typeof sent)[number]['body'] };
      if (patch.body.metadata.resourceVersion !== String(resource.version)) return { status: 409, text: '' };
      sent.push(patch);
      resource.version++;
      return { status: 200, text: answer() };
    },
    nowMs: () => nowMs,
  });
  return { sink, sent, resource, pass: (ms: number) => (nowMs += ms) };
}

const status = (fps: number, state: 'connected' | 'reconnecting' = 'connected'): Status => ({
  phase: 'Running',
  stages: [{ name: 'ingest', phase: 'Running', workers: 1 }],
  camerasConnected: '1/1',
  cameras: [{ id: 'a', state, fps }],
  nodes: [{ name: 'edge-1', phase: 'Running', lastReportTime: `2026-01-01T00:00:0${fps}Z` }],
});

test('writes what workers know, as a field manager of its own, into exactly this task', async () => {
  const { sink, sent } = open();
  await sink.write(status(5));
  expect(sent[0]?.path).toBe(
    '/apis/sedna.io/v1alpha1/namespaces/ns/multiedgeinferences/shop/status?fieldManager=multi-edge-inference-status&force=true',
  );
  expect(sent[0]?.body.metadata).toEqual({ name: 'shop', namespace: 'ns', resourceVersion: '1' });
  expect(Object.keys(sent[0]!.body.status).sort()).toEqual(['cameras', 'camerasConnected', 'nodes']);
});

test('a change of state is written at once, figures only now and then', async () => {
  const { sink, sent, pass } = open();
  await sink.write(status(1));
  await sink.write(status(2));
  expect(sent.length).toBe(1);
  await sink.write(status(2, 'reconnecting'));
  expect(sent.length).toBe(2);
  pass(9_999);
  await sink.write(status(3, 'reconnecting'));
  expect(sent.length).toBe(2);
  pass(1);
  await sink.write(status(3, 'reconnecting'));
  expect(sent[2]?.body.status.cameras?.[0]?.fps).toBe(3);
});

test('each answer tells what the controller says, and nothing is asked for it', async () => {
  const { sink, resource, sent } = open();
  expect(sink.others?.()).toEqual({});
  const ready = { type: 'Ready', reason: 'WorkersReady', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const conditions: Status['conditions'] = [{ ...ready, status: 'True', message: '4 workers are ready' }];
  resource.status = { conditions, observedGeneration: 3, phase: 'Running', identities: 7 };
  await sink.write(status(1));
  expect(sink.others?.()).toEqual({ conditions, observedGeneration: 3 });
  const later: Status['conditions'] = [{ ...ready, status: 'False', message: 'waiting for shop-match' }];
  resource.status = { conditions: later };
  await sink.write(status(1, 'reconnecting'));
  expect(sink.others?.()).toEqual({ conditions: later });
  expect([sent.length, resource.reads]).toEqual([2, 1]);
});

test('what could not be written is tried again', async () => {
  const { sink, sent, resource } = open();
  resource.isDown = true;
  await expect(sink.write(status(1))).rejects.toThrow('down');
  resource.isDown = false;
  await sink.write(status(1));
  expect(sent.length).toBe(1);
});

test('what the controller wrote meanwhile is looked at first; without that, one request is enough', async () => {
  const { sink, sent, resource } = open();
  await sink.write(status(1));
  await sink.write(status(1, 'reconnecting'));
  expect([sent.length, resource.reads]).toEqual([2, 1]);
  resource.version = 9;
  await sink.write(status(1));
  expect([sent.length, resource.reads]).toEqual([3, 2]);
  expect(sent[2]?.body.metadata.resourceVersion).toBe('9');
});

test('a worker of a deleted task writes nothing into a new one of the same name', async () => {
  const late = open('u2');
  await expect(late.sink.write(status(1))).rejects.toThrow(
    'task ns/shop was deleted and made anew (uid u2, not u1)',
  );
  expect(late.sent).toEqual([]);
  const running = open();
  await running.sink.write(status(1));
  Object.assign(running.resource, { uid: 'u2', version: 7 });
  await expect(running.sink.write(status(1, 'reconnecting'))).rejects.toThrow('made anew');
  expect(running.sent.length).toBe(1);
});

test('without the account of the pod the reason is named', async () => {
  const sink = clusterSink({
    task: { name: 'shop', namespace: 'ns', uid: 'u1' },
    request: podRequest({ KUBERNETES_SERVICE_HOST: '::1' }, '/nowhere'),
  });
  await expect(sink.write(status(1))).rejects.toThrow(
    /status cannot be written to \/apis\/.*\/shop\/status \(.*\/nowhere\/token/,
  );
});
