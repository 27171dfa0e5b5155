// Speaks to a server byte by byte, so that also what no client would send gets there; the targets of servers use it.
import { connect, type Socket } from 'node:net';
import { checkRefusal } from './target.ts';
import { mutateBytes, type Dice } from './mutations.ts';

const limitMs = 15_000;
const mostBytes = 4 << 20;

export interface RawRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** Spoils path, headers, body or the framing; `Host` and length are added where the request does not have them. */
export function spoilt(dice: Dice, { method, path, headers, body }: RawRequest): Buffer {
  const spoil = (text: string, times: number) =>
    dice.onceIn(times) ? mutateBytes(dice, Buffer.from(text)).toString('latin1') : text;
  const sent = dice.onceIn(3) ? Buffer.from(body) : mutateBytes(dice, body);
  const all = {
    host: 'x',
    'content-length': String(dice.onceIn(12) ? dice.below(1 << 20) : sent.length),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${spoil(name, 25)}: ${spoil(value, 12)}`);
  if (dice.onceIn(10))
    lines.push(
      dice.pick([
        'transfer-encoding: chunked',
        'content-encoding: gzip',
        'expect: 100-continue',
        'connection: upgrade',
        'x: '.padEnd(20_000, 'y'),
        'content-length: 3',
      ]),
    );
  const head = `${spoil(method, 20)} ${spoil(path, 5)} ${spoil('HTTP/1.1', 40)}\r\n${lines.join('\r\n')}\r\n\r\n`;
  const whole = Buffer.concat([Buffer.from(head, 'latin1'), sent]);
  return dice.onceIn(10) ? mutateBytes(dice, whole) : whole;
}

/** All that the server answers until it closes, or until it is silent after the sender has ended. */
export async function exchange(open: () => Socket, bytes: Uint8Array): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const socket = open();
    let answer = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${limitMs} ms; the answer so far: ${answer.slice(0, 300)}`));
    }, limitMs);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > mostBytes) socket.destroy(new Error('an answer without end'));
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.end(bytes);
  });
}

export const plain = (port: number) => () => connect({ port, host: '127.0.0.1' });

/** Every refusal in it says one thing and nothing of the inside; the first status. @throws Error */
export function checkAnswer(answer: string): number | undefined {
  for (const [, text] of answer.matchAll(/"(?:detail|error)": ?("(?:[^"\\]|\\.)*")/g))
    checkRefusal(JSON.parse(text!) as string);
  if (/\n\s+at [^\n]*:\d+:\d+\)?\n|node_modules|\.[jt]s:\d+:\d/.test(answer))
    throw new Error(`an answer with a stack: ${JSON.stringify(answer.slice(0, 800))}`);
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  return status === undefined ? undefined : Number(status);
}
