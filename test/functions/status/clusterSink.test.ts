// The status on its way into the resource: whose fields it takes, and how often.
import { expect, test } from '@jest/globals';
import type { Status } from '../../../config/schema/status.ts';
import { clusterSink, podApply } from '../../../functions/status/clusterSink.ts';
import { TransientError } from '../../../functions/function.ts';

function open() {
  const sent: { path: string; body: { metadata: object; status: Status } }[] = [];
  let nowMs = 0;
  const sink = clusterSink({
    task: { name: 'shop', namespace: 'ns', uid: 'u1' },
    apply: async (path, body) => void sent.push({ path, body: body as (typeof sent)[number]['body'] }),
    nowMs: () => nowMs,
  });
  return { sink, sent, pass: (ms: number) => (nowMs += ms) };
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
  expect(sent[0]?.body.metadata).toEqual({ name: 'shop', namespace: 'ns', uid: 'u1' });
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

test('what could not be written is tried again', async () => {
  let isDown = true;
  let tries = 0;
  const sink = clusterSink({
    task: { name: 'shop', namespace: 'ns', uid: '' },
    async apply() {
      tries++;
      if (isDown) throw new TransientError('down');
    },
  });
  await expect(sink.write(status(1))).rejects.toThrow('down');
  isDown = false;
  await sink.write(status(1));
  expect(tries).toBe(2);
});

test('without the account of the pod the reason is named', async () => {
  const apply = podApply({ KUBERNETES_SERVICE_HOST: '::1' }, '/nowhere');
  await expect(apply('/apis/x?y=z', {})).rejects.toThrow(
    /status cannot be written to https:\/\/\[::1\]:443\/apis\/x \(.*\/nowhere\/token/,
  );
});
