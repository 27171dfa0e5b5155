// A process with an RTSP server that others wrote (rtsp-streaming-server, UDP only) and a publisher, so that a test can kill it as a whole.
//   node --import tsx test/support/foreignRtsp.ts <clip> <fps> <publish port> <view port> <first of 20 UDP ports>
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { av, check } from '../../functions/media/libav.ts';

interface ForeignServer {
  start(): Promise<void>;
}
type ForeignServerClass = new (ports: Record<string, number>) => ForeignServer;

async function main([clip, ...numbers]: string[]): Promise<void> {
  const [fps, serverPort, clientPort, rtpPortStart] = numbers.map(Number) as [number, number, number, number];
  const require = createRequire(import.meta.url);
  const { RtspServer } = require('rtsp-streaming-server') as { RtspServer: ForeignServerClass };
  await new RtspServer({ serverPort, clientPort, rtpPortStart, rtpPortCount: 20 }).start();
  await publish(clip!, fps, `rtsp://127.0.0.1:${serverPort}/stream1`);
  process.send?.('ready');
}

/** Sends the clip in an endless loop. */
async function publish(clip: string, fps: number, url: string): Promise<void> {
  const input = new av.FormatContext();
  input.allocContext();
  check(await input.openInput(clip), clip);
  check(await input.findStreamInfo(null), clip);
  const from = input.streams[0]!;
  const output = new av.FormatContext();
  check(output.allocOutputContext2(null, 'rtsp', url), url);
  const to = output.newStream(null);
  check(from.codecpar.copy(to.codecpar), url);
  to.codecpar.codecTag = 0;
  to.timeBase = from.timeBase;
  check(await output.writeHeader(av.Dictionary.fromObject({ rtsp_transport: 'udp' })), url);
  const packets = await readPackets(input);
  const ticksPerLoop = BigInt(Math.round(packets.length / fps / from.timeBase.toDouble()));
  let sent = 0;
  setInterval(() => {
    const packet = packets[sent % packets.length]!.clone()!;
    const shift = BigInt(Math.floor(sent++ / packets.length)) * ticksPerLoop;
    packet.pts += shift;
    packet.dts += shift;
    packet.streamIndex = 0;
    packet.rescaleTs(from.timeBase, to.timeBase);
    check(output.interleavedWriteFrameSync(packet), url);
    packet.free();
  }, 1000 / fps);
}

async function readPackets(input: av.FormatContext): Promise<av.Packet[]> {
  const packets: av.Packet[] = [];
  for (;;) {
    const packet = new av.Packet();
    packet.alloc();
    if ((await input.readFrame(packet)) < 0) return packets;
    packets.push(packet);
  }
}

process.on('disconnect', () => process.exit());
if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
