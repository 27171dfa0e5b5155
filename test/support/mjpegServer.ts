// A network camera for tests: multipart JPEG over HTTP on a free loopback port, with switches for what cameras do wrong.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { encodeJpeg } from '../../functions/media/images.ts';
import { greyFrame } from './clips.ts';

const width = 320;
const height = 240;

export class MjpegServer {
  /** When set, requests without this user and password get 401. */
  login: { username: string; password: string } | undefined;
  /** Connections stay open, but no picture is sent. */
  stalled = false;
  connections = 0;
  sent = 0;
  readonly #server: Server;
  readonly #viewers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #pictures: Uint8Array[] = [];

  constructor() {
    this.#server = createServer((request, response) => {
      this.connections++;
      if (this.login !== undefined) {
        const { username, password } = this.login;
        const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
        if (request.headers.authorization !== expected) {
          response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="camera"' }).end();
          return;
        }
      }
      response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=picture' });
      response.flushHeaders();
      this.#viewers.add(response);
      response.on('close', () => this.#viewers.delete(response));
    });
  }

  async start(fps: number): Promise<string> {
    for (let number = 0; number < 28; number++) {
      const pixels = greyFrame(number, width, height);
      this.#pictures.push(await encodeJpeg({ pixels, width, height }, 95));
    }
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#timer = setInterval(() => this.#send(), 1000 / fps);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/video.mjpg`;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Cuts every connection, as a camera that loses its power does. */
  cut(): void {
    for (const viewer of this.#viewers) viewer.destroy();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #send(): void {
    if (this.stalled || this.#viewers.size === 0) return;
    const picture = this.#pictures[this.sent++ % this.#pictures.length]!;
    const head = `--picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.byteLength}\r\n\r\n`;
    for (const viewer of this.#viewers) {
      viewer.write(head);
      viewer.write(picture);
      viewer.write('\r\n');
    }
  }
}
