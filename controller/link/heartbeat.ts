// Notices that the other end of a link is gone although no error says so (half-open TCP). Both ends of a link keep one.
import type { WebSocket } from 'ws';

export interface HeartbeatTiming {
  /** Between two pings. */
  pingMs: number;
  /** A link on which nothing came for so long is dead; more than two pings. */
  deadMs: number;
}

export const usualHeartbeat: HeartbeatTiming = { pingMs: 15_000, deadMs: 40_000 };

/** Ends by itself when the socket closes. A dead socket is destroyed, which its `close` event tells. */
export function watchHeartbeat(socket: WebSocket, { pingMs, deadMs }: HeartbeatTiming): void {
  let heardMs = performance.now();
  const heard = () => {
    heardMs = performance.now();
  };
  for (const sign of ['pong', 'ping', 'message'] as const) socket.on(sign, heard);
  const timer = setInterval(() => {
    // Not close(): its handshake would wait for an answer of the dead end.
    if (performance.now() - heardMs > deadMs) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
  socket.once('close', () => clearInterval(timer));
}
