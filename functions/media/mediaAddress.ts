// Rewrites what an RTSP camera says of where its media come from, for cameraTunnel.ts: libav sends packets of its own to whatever
// address that names, and without one to the other end of the control connection, which is the tunnel.
import { Transform } from 'node:stream';

/** libav reads lines of 16 KiB, and cuts longer ones. */
const longestLine = 4096;
const header = 'transport:';

/** A stream of answers, in which each line about transport names `address` and nothing else as the source of media. */
export function nameMediaSource(
  address: string,
  isOver: () => boolean,
  fail: (reason: string) => void,
): Transform {
  /** The line that has begun, as far as it was not handed on. */
  let held = '';
  /** A line that is none about transport has begun and is handed on as it comes. */
  let isPassing = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isOver() && held === '') return done(null, chunk);
      const lines = (held + chunk.toString('latin1')).split('\n');
      const last = lines.pop()!;
      let out = '';
      for (const line of lines) {
        out += isPassing ? `${line}\n` : rewritten(line, address);
        isPassing = false;
      }
      isPassing ||= !mayBeHeader(last);
      held = isPassing ? '' : last;
      if (isPassing) out += last;
      if (held.length > longestLine || lines.some((line) => isTooLong(line))) {
        fail('it says more of its transport than any camera does');
        return done();
      }
      done(null, Buffer.from(out, 'latin1'));
    },
  });
}

/** As libav reads it: without any carriage return, wherever it stands. */
const read = (line: string) => line.replaceAll('\r', '');

const isHeader = (line: string) => read(line).toLowerCase().startsWith(header);

const isTooLong = (line: string) => isHeader(line) && line.length > longestLine;

/** Whether it is one, or may become one as more comes. */
function mayBeHeader(line: string): boolean {
  const begun = read(line).toLowerCase().slice(0, header.length);
  return header.startsWith(begun);
}

function rewritten(line: string, address: string): string {
  if (!isHeader(line)) return `${line}\n`;
  const others = read(line).replaceAll(/;\s*source\s*(?:=[^;,]*)?(?=[;,]|$)/gi, '');
  // Each of several transports.
  return `${others.replaceAll(/([^,;]+)((?:;[^,]*)?)(?=,|$)/g, `$1;source=${address}$2`)}\r\n`;
}
