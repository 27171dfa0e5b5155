// The HTTP server of a worker with cameras that push, reached by strangers with a token and without.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binaryMessage, structuredMessage } from '../../../delivery/binding.ts';
import { toEnvelope } from '../../../functions/host/codec.ts';
import { createIngest } from '../../../functions/ingest/handler.ts';
import { AddressGuard, ownMachine } from '../../../functions/media/addressGuard.ts';
import { start, workerConfig } from '../../functions/host/support.ts';
import { goodEvents } from '../goodEvents.ts';
import { checkAnswer, exchange, plain, spoilt, type RawRequest } from '../rawHttp.ts';
import type { OpenTarget } from '../target.ts';
import type { Dice } from '../mutations.ts';

const token = 'a-token-that-nobody-guesses';

export const open: OpenTarget = async (folder) => {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, token);
  const push = { tokenFileEnv: 'TOKEN_FILE', picturesPerSecond: 240, origins: ['events.example'] };
  const cameras = ['a', 'b'].map((id) => ({
    id,
    source: { type: 'Push', realtime: false, transport: 'TCP', push } as const,
    mask: [],
  }));
  const ingest = createIngest(workerConfig(['ingest'], { cameras }), {
    environment: {},
    guard: new AddressGuard('camera', ownMachine),
    random: () => 0.5,
    threads: 4,
    timings: { firstMs: 1, mostMs: 1, openTimeoutMs: 1, stallTimeoutMs: 1, stableMs: 1 },
  });
  let errors = 0;
  const log = { debug() {}, info() {}, warn() {}, error: () => void errors++ };
  const worker = await start(
    { ingest, detect: { handle: async () => undefined } },
    {
      host: '0.0.0.0',
      environment: { TOKEN_FILE: tokenFile },
      log,
      config: { cameras },
      server: { bodyBytes: 1 << 20, holdMs: 50 },
    },
  );
  const gate = plain(worker.port);
  return {
    async run(dice) {
      const status = checkAnswer(await exchange(gate, spoilt(dice, request(dice))));
      if (status !== undefined && status >= 500 && status !== 503 && status !== 505)
        throw new Error(`the answer ${status}`);
      return status !== undefined && status < 300 ? 'taken' : 'refused';
    },
    async finish() {
      const health = checkAnswer(
        await exchange(gate, Buffer.from('GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')),
      );
      if (health !== 200) throw new Error(`/readyz answers ${health}`);
      await worker.drain();
    },
  };
};

function request(dice: Dice): RawRequest {
  const authorization: Record<string, string> = dice.onceIn(5) ? {} : { authorization: `Bearer ${token}` };
  const close = { connection: 'close', ...authorization };
  switch (dice.below(6)) {
    case 0:
      return {
        method: 'OPTIONS',
        path: '/',
        headers: { ...close, 'webhook-request-origin': 'events.example', 'webhook-request-rate': '60' },
        body: Buffer.alloc(0),
      };
    case 1:
      return {
        method: 'GET',
        path: dice.pick(['/metrics', '/readyz', '/healthz', '/', '/cameras/a/frames?access_token=b']),
        headers: close,
        body: Buffer.alloc(0),
      };
    case 2:
      return {
        method: 'POST',
        path: `/cameras/${dice.pick(['a', 'b', 'c', '%2e%2e', '%ff'])}/frames?time=5`,
        headers: { ...close, 'content-type': 'image/jpeg', 'idempotency-key': String(dice.below(1e9)) },
        body: Uint8Array.of(255, 216, 255, 0),
      };
    default: {
      const envelope = toEnvelope({ ...dice.pick(goodEvents()), id: String(dice.below(1e9)) });
      const message = dice.onceIn(2) ? binaryMessage(envelope) : structuredMessage(envelope);
      return {
        method: 'POST',
        path: '/',
        headers: { ...close, ...message.headers },
        body: Buffer.concat(message.parts),
      };
    }
  }
}
