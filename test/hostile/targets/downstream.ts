// The controller's side of the link: TLS, requests of strangers, and a node with a right token that sends nonsense over its WebSocket.
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { Downstream } from '../../../controller/downstream/downstream.ts';
import { sednaRoutes } from '../../../controller/downstream/routes.ts';
import { serveLinks } from '../../../controller/downstream/server.ts';
import { linkMessage, linkProtocol } from '../../../controller/link/events.ts';
import { createSite, edgeTask, keyOf, shares } from '../../controller/link/site.ts';
import { checkAnswer, exchange, spoilt, type RawRequest } from '../rawHttp.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';
import { mutateBytes, mutateValue, type Dice } from '../mutations.ts';

export const open: OpenTarget = async () => {
  const site = createSite();
  const token = readFileSync(site.addToken('edge-1'), 'utf8').trim();
  let faults = 0;
  const log = { info() {}, warn() {}, error: () => void faults++ };
  const downstream = new Downstream({ log, onChange: () => undefined, now: () => '2026-01-01T00:00:00Z' });
  const task = edgeTask('gate', 1);
  downstream.publish(keyOf(task), shares(task));
  const outbox = { accept: async () => undefined, waiting: () => 0, close: async () => undefined };
  const server = await serveLinks({
    downstream,
    routes: (authenticate) =>
      sednaRoutes({ downstream, outbox, authenticate, now: Date.now, task: () => task }),
    files: { ...site.certificate, tokensFolder: site.tokensFolder },
    port: 0,
    host: '127.0.0.1',
    heartbeat: { pingMs: 5000, deadMs: 20_000 },
    log,
  });
  const ca = readFileSync(site.authority.ca);
  const gate = () => connect({ port: server.port, host: '127.0.0.1', ca });
  const bearer = { authorization: `Bearer ${token}` };

  async function ask(dice: Dice) {
    const status = checkAnswer(await exchange(gate, spoilt(dice, request(dice, bearer))));
    if (status === 500 || faults > 0) throw new Error(`the answer ${status}, ${faults} faults in the log`);
    return status !== undefined && status < 400 ? 'taken' : 'refused';
  }

  /** Answers, right and wrong ones, until the controller has enough. */
  async function talk(dice: Dice) {
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}/v1/nodes/edge-1/link`, [linkProtocol], {
      ca,
      headers: bearer,
    });
    const closed = new Promise<[number, string]>((resolve, reject) => {
      socket.once('close', (code, reason) => resolve([code, reason.toString()]));
      setTimeout(() => reject(new Error('the link does not end')), 15_000).unref();
    });
    socket.on('error', () => undefined);
    socket.once('message', (data: Buffer) => {
      const { id } = JSON.parse(data.toString()) as { id: string };
      const good = linkMessage({ name: 'acknowledged', id: 'a', data: { of: id } }, '/nodes/edge-1');
      for (let i = dice.below(3); i >= 0; i--) {
        const text = dice.onceIn(2)
          ? mutateBytes(dice, Buffer.from(good)).toString('utf8')
          : (JSON.stringify(mutateValue(dice, JSON.parse(good))) ?? '');
        socket.send(dice.onceIn(10) ? Buffer.from(text) : text);
      }
      if (dice.onceIn(20)) socket.send('x'.repeat(100_000));
      socket.close(1000, 'enough');
    });
    const [code, reason] = await closed;
    if (code === 1006 || code === 1011) throw new Error(`the link ended with ${code}`);
    if (reason !== '') checkRefusal(reason);
    return code === 1000 ? 'taken' : 'refused';
  }

  return {
    run: (dice) => (dice.onceIn(3) ? talk(dice) : ask(dice)),
    async finish() {
      const answer = await exchange(
        gate,
        Buffer.from('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
      );
      if (checkAnswer(answer) !== 404) throw new Error(`no answer any more: ${answer.slice(0, 200)}`);
      await server.close();
      site.remove();
    },
  };
};

function request(dice: Dice, bearer: Record<string, string>): RawRequest {
  const headers = { connection: 'close', ...(dice.onceIn(2) ? bearer : {}) };
  switch (dice.below(3)) {
    case 0: {
      const upgrade = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': linkProtocol,
      };
      // Never all of it right: a link that comes about would stay open.
      return {
        method: 'GET',
        path: dice.pick([
          '/v1/nodes/edge-2/link',
          '/v1/nodes/_operator/link',
          '/v1/nodes/%2e%2e%2ftokens/link',
          '/v1/nodes//link',
          'http://[/',
        ]),
        headers: { ...headers, ...upgrade },
        body: Buffer.alloc(0),
      };
    }
    case 1:
      return {
        method: 'POST',
        path: '/default/sedna/upstream/multiedgeinferences/gate/status?node=edge-1',
        headers,
        body: Buffer.from(
          JSON.stringify(
            mutateValue(dice, {
              phase: 'ingest',
              status: 'running',
              output: {
                taskInfo: {
                  trackingObjectNumber: 1,
                  findUnkownObject: false,
                  startTime: 'x',
                  currentTime: 'y',
                },
              },
            }),
          ) ?? '',
        ),
      };
    default:
      return {
        method: 'POST',
        path: '/default/sedna/downstream/multiedgeinferences/gate/insert',
        headers,
        body: Buffer.from(
          JSON.stringify(
            mutateValue(dice, {
              kind: 'MultiEdgeInference',
              metadata: { name: 'gate', namespace: 'default', uid: 'u', generation: 1 },
            }),
          ) ?? '',
        ),
      };
  }
}
