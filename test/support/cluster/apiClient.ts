// Plain requests to the API server of a test cluster, so that tests see what the server says and not what a client makes of it.
import { readFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';

export interface Answer {
  status: number;
  /** Parsed JSON, or the text where it is none. */
  body: unknown;
  /** What the server warned of. */
  warnings: string[];
}

const deadlineMs = 60_000;

export class ApiClient {
  readonly #url: string;
  readonly #certificatePath: string;
  readonly #token: string;
  #agent: Agent | undefined;

  /** The certificate is read at the first request: kube-apiserver writes it when it starts. */
  constructor(url: string, certificatePath: string, token: string) {
    this.#url = url;
    this.#certificatePath = certificatePath;
    this.#token = token;
  }

  certificate(): string {
    const text = readFileSync(this.#certificatePath, 'utf8');
    if (!text.trimEnd().endsWith('-----END CERTIFICATE-----'))
      throw new Error('the certificate is not written yet');
    return text;
  }

  async isOk(path: string): Promise<boolean> {
    return (await this.request('GET', path)).status === 200;
  }

  /** Rejects only when there is no answer. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
    token = this.#token,
  ): Promise<Answer> {
    this.#agent ??= new Agent({ ca: this.certificate(), keepAlive: true, maxSockets: 16 });
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal: AbortSignal.timeout(deadlineMs),
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': contentType }),
      },
    };
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, this.#url), options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            body: parsed(Buffer.concat(chunks).toString()),
            warnings: response.headers['warning']?.split(/, (?=\d{3} )/) ?? [],
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent?.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
