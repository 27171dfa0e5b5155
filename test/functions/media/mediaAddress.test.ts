// Where media come from, in the words of cameras, and what is made of them before libav reads it.
import { expect, test } from '@jest/globals';
import { nameMediaSource } from '../../../functions/media/mediaAddress.ts';

async function through(chunks: string[], isOver = () => false): Promise<{ text: string; failure?: string }> {
  let failure: string | undefined;
  const stream = nameMediaSource('192.0.2.7', isOver, (reason) => (failure ??= reason));
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  for (const chunk of chunks) stream.write(Buffer.from(chunk, 'latin1'));
  await new Promise<void>((resolve) => stream.end(resolve));
  return { text, ...(failure !== undefined && { failure }) };
}

const own = ';source=192.0.2.7';

test.each([
  ['RTP/AVP;unicast;server_port=5-6', `RTP/AVP${own};unicast;server_port=5-6`],
  ['RTP/AVP;unicast;source=10.0.0.1;server_port=5-6', `RTP/AVP${own};unicast;server_port=5-6`],
  ['RTP/AVP;source=10.0.0.1', `RTP/AVP${own}`],
  ['RTP/AVP; Source = 10.0.0.1 ;x=1', `RTP/AVP${own};x=1`],
  ['RTP/AVP;source;source=a;x', `RTP/AVP${own};x`],
  ['RTP/AVP;x,RTP/AVP;source=10.0.0.1;y', `RTP/AVP${own};x,RTP/AVP${own};y`],
  ['RTP/AVP', `RTP/AVP${own}`],
])('%s', async (said, meant) => {
  const answer = (transport: string) =>
    `RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: ${transport}\r\nSession: 7\r\n\r\n`;
  for (const spelling of ['Transport:', 'TRANSPORT:', 'Tr\ransport:']) {
    const given = answer(said).replace('Transport:', spelling);
    const wanted = answer(meant).replace('Transport:', spelling.replace('\r', ''));
    expect((await through([given])).text).toBe(wanted);
    expect((await through([...given])).text).toBe(wanted);
  }
});

test('everything else goes through as it comes, byte for byte, also without an end of line', async () => {
  const text = 'v=0\nm=video 0 RTP/AVP 96\na=x\u00ff\u0000\ntransport of goods: none\r\nT';
  expect((await through([text])).text).toBe(text.slice(0, -1));
  const stream = nameMediaSource(
    '192.0.2.7',
    () => false,
    () => undefined,
  );
  const arrived = new Promise((resolve) => stream.once('data', resolve));
  stream.write('a=no end of line');
  expect(String(await arrived)).toBe('a=no end of line');
});

test('after the greeting nothing is looked at any more', async () => {
  const text = '$\u0000Transport: RTP/AVP;source=10.0.0.1\n';
  expect((await through([text], () => true)).text).toBe(text);
});

test('a line longer than libav reads is no way around it', async () => {
  const { failure } = await through([`Transport: RTP/AVP;x=${'y'.repeat(20_000)};source=10.0.0.1\r\n`]);
  expect(failure).toMatch(/more of its transport/);
});
