// H.264 in RTP packets (RFC 6184) for rtspServer.ts.
import { av, check } from '../../functions/media/libav.ts';

const payloadType = 96;
const mostPayload = 1200;
/** Streams begin anywhere, as real ones do: libav takes 0 for unknown. */
const firstTimestamp = 123_456;

/** A coded frame, in the order of decoding. */
export interface CodedFrame {
  /** NAL units; those of key frames include the parameter sets. */
  units: Buffer[];
  /** When it is shown, seconds. */
  time: number;
}

export async function readCodedFrames(path: string): Promise<CodedFrame[]> {
  const input = new av.FormatContext();
  input.allocContext();
  check(await input.openInput(path), path);
  check(await input.findStreamInfo(null), path);
  const filter = new av.BitStreamFilterContext();
  check(filter.alloc(av.BitStreamFilter.getByName('h264_mp4toannexb')!), 'filter');
  input.streams[0]!.codecpar.copy(filter.inputCodecParameters!);
  filter.inputTimeBase = input.streams[0]!.timeBase;
  check(filter.init(), 'filter');
  const packet = new av.Packet();
  packet.alloc();
  const frames: CodedFrame[] = [];
  const secondsPerTick = input.streams[0]!.timeBase.toDouble();
  while ((await input.readFrame(packet)) >= 0) {
    check(await filter.sendPacket(packet), 'filter');
    while ((await filter.receivePacket(packet)) >= 0) {
      frames.push({
        units: splitUnits(Buffer.from(packet.data!)),
        time: Number(packet.pts) * secondsPerTick,
      });
      packet.unref();
    }
  }
  await input.closeInput();
  return frames;
}

/** Splits a byte stream at its start codes. */
function splitUnits(stream: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = stream.indexOf('000001', 0, 'hex'); at >= 0; at = stream.indexOf('000001', at + 3, 'hex')) {
    starts.push(at + 3);
  }
  return starts.map((start, index) => {
    const next = starts[index + 1];
    let end = next === undefined ? stream.length : next - 3;
    while (next !== undefined && stream[end - 1] === 0) end--;
    return stream.subarray(start, end);
  });
}

export class RtpPacketizer {
  #sequence = 0;

  /** @param time seconds from the start of the stream */
  packets(units: readonly Buffer[], time: number): Buffer[] {
    const payloads = units.flatMap(fragment);
    return payloads.map((payload, index) => this.#packet(payload, time, index === payloads.length - 1));
  }

  #packet(payload: Buffer, time: number, last: boolean): Buffer {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = payloadType | (last ? 0x80 : 0);
    header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    header.writeUInt32BE((firstTimestamp + Math.round(time * 90_000)) >>> 0, 4);
    header.writeUInt32BE(0x12345678, 8);
    return Buffer.concat([header, payload]);
  }
}

/** One unit as it is, or in pieces (FU-A) when it is too long for a packet. */
function fragment(unit: Buffer): Buffer[] {
  if (unit.length <= mostPayload) return [unit];
  const kind = unit[0]!;
  const pieces: Buffer[] = [];
  for (let at = 1; at < unit.length; at += mostPayload) {
    const first = at === 1 ? 0x80 : 0;
    const last = at + mostPayload >= unit.length ? 0x40 : 0;
    const head = Buffer.from([(kind & 0x60) | 28, first | last | (kind & 0x1f)]);
    pieces.push(Buffer.concat([head, unit.subarray(at, at + mostPayload)]));
  }
  return pieces;
}
