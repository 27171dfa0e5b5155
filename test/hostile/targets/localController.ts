// The local controller of a node: its routes as any process of the node reaches them, and its link as a false controller would speak.
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventTypes } from '../../../config/events.ts';
import { PermanentError } from '../../../controller/errors.ts';
import { linkMessage, parseLinkMessage } from '../../../controller/link/events.ts';
import { receive } from '../../../controller/local/receive.ts';
import { createLocalServer } from '../../../controller/local/server.ts';
import { TaskStore } from '../../../controller/local/store.ts';
import { workerConfigs } from '../../../controller/local/workerConfigs.ts';
import { NodeOutbox } from '../../../controller/local/nodeOutbox.ts';
import { workerEventsRoute } from '../../../controller/local/workerEvents.ts';
import { workerInfoRoute } from '../../../controller/local/workerInfo.ts';
import { TaskTokens } from '../../../controller/taskTokens.ts';
import { edgeTask, shares, taskKey } from '../../controller/link/site.ts';
import { checkAnswer, exchange, plain, spoilt, type RawRequest } from '../rawHttp.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';
import { mutateBytes, mutateValue, type Dice } from '../mutations.ts';

const worker = 'gate-edge-edge-1';
const info = {
  name: worker,
  namespace: 'default',
  ownerName: 'gate',
  ownerKind: 'MultiEdgeInference',
  kind: 'ingest',
  status: 'running',
  ownerInfo: {
    trackingObjectNumber: 3,
    findUnkownObject: true,
    startTime: '2026-01-01T00:00:00Z',
    currentTime: '2026-01-01T00:00:00Z',
  },
  results: [{ figure: 3 }],
};
const event = {
  specversion: '1.0',
  id: '1',
  source: '/namespaces/default/multiedgeinferences/gate/embed/gate',
  type: eventTypes.stream,
  partitionkey: 'gate',
  data: { camera: 'gate', state: 'ended', time: 1 },
};
const token = new TaskTokens([taskKey]).of(edgeTask('gate', 1).metadata.uid!)[0]!;
const names = ['inventory', 'insert', 'update', 'delete'] as const;

export const open: OpenTarget = async (folder) => {
  const store = new TaskStore(folder, () => undefined);
  const share = shares(edgeTask('gate', 1)).get('edge-1')!;
  const give = () => receive(store, { name: 'insert', id: 'i', data: share });
  give();
  const configs = workerConfigs(store);
  const outbox = new NodeOutbox(join(folder, 'outbox'), store, { info() {}, warn() {}, error() {} });
  const link = { isConnected: () => true, connections: () => 1, problem: () => undefined };
  let faults = 0;
  const log = { info() {}, warn() {}, error: () => void faults++ };
  const routes = [
    workerInfoRoute({ store, outbox, node: 'edge-1', now: () => 1_700_000_000_000 }),
    workerEventsRoute({ store, outbox }),
  ];
  const server = createLocalServer({ store, link, outbox, configs, routes, log });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate = plain((server.address() as AddressInfo).port);
  const messages = [
    linkMessage({ name: 'insert', id: '1', data: share }, '/a'),
    linkMessage({ name: 'inventory', id: '2', data: { tasks: [share.task] } }, '/a'),
    linkMessage({ name: 'delete', id: '3', data: { task: share.task } }, '/a'),
  ];

  async function ask(dice: Dice) {
    const status = checkAnswer(await exchange(gate, spoilt(dice, request(dice))));
    if (faults > 0) throw new Error(`the answer ${status}, and a fault in the log`);
    return status !== undefined && status < 400 ? 'taken' : 'refused';
  }

  function hear(dice: Dice) {
    const good = dice.pick(messages);
    const text = dice.onceIn(2)
      ? mutateBytes(dice, Buffer.from(good)).toString('utf8')
      : JSON.stringify(mutateValue(dice, JSON.parse(good)));
    try {
      const { answer } = receive(store, parseLinkMessage(text ?? '', names));
      return 'reason' in answer ? 'refused' : 'taken';
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      checkRefusal(error.message.replaceAll('\n', ' '));
      return 'refused';
    } finally {
      if (store.tasks().length > 50) receive(store, { name: 'inventory', id: 'x', data: { tasks: [] } });
    }
  }

  return {
    run: (dice) => (dice.onceIn(2) ? ask(dice) : hear(dice)),
    async finish() {
      receive(store, { name: 'inventory', id: 'x', data: { tasks: [] } });
      give();
      const answer = await exchange(
        gate,
        Buffer.from(
          `GET /v1/workers/${worker}/config?uid=${share.task.uid} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
        ),
      );
      if (checkAnswer(answer) !== 200) throw new Error(`no configuration after all: ${answer.slice(0, 300)}`);
      server.close();
      server.closeAllConnections();
      await outbox.close();
      store.close();
    },
  };
};

function request(dice: Dice): RawRequest {
  const authorization = dice.onceIn(8) ? 'Bearer nobody' : `Bearer ${token}`;
  const headers = { connection: 'close', 'content-type': 'application/json', authorization };
  if (dice.onceIn(3)) {
    const path = dice.pick([
      `/v1/workers/${worker}/config`,
      `/v1/workers/%2e%2e%2f/config?uid=`,
      '/metrics',
      '/readyz',
      `/v1/workers/__proto__/config`,
    ]);
    return {
      method: 'GET',
      path,
      headers: { ...headers, 'if-none-match': '"x"', prefer: 'wait=0' },
      body: Buffer.alloc(0),
    };
  }
  if (dice.onceIn(2)) {
    const events = dice.onceIn(3) ? [event] : mutateValue(dice, [event, event]);
    return {
      method: 'POST',
      path: `/v1/workers/${worker}/events`,
      headers: { ...headers, 'content-type': 'application/cloudevents-batch+json' },
      body: Buffer.from(JSON.stringify(events) ?? ''),
    };
  }
  const body = dice.onceIn(3) ? info : mutateValue(dice, info);
  return {
    method: 'POST',
    path: `/sedna/workers/${worker}/info`,
    headers,
    body: Buffer.from(JSON.stringify(body) ?? ''),
  };
}
