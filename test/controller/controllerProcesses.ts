// Controllers as processes of their own, to be killed: fault tests start them against an API server or a relay before it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface ControllerProcess {
  child: ChildProcess;
  /** Resolves when it has the lease. */
  leading: Promise<void>;
  /** Where `/readyz` and `/metrics` are: http://127.0.0.1:port */
  address: Promise<string>;
  /** Resolves with code and signal. */
  ended: Promise<unknown>;
  /** What it logged, line by line. */
  lines: string[];
}

/** One that has loaded all it needs and waits to be told to begin. */
export interface WaitingController {
  begin(): ControllerProcess;
}

export class ControllerProcesses {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mei-controllers-'));
  readonly #children: ChildProcess[] = [];

  readonly #server: URL;

  constructor({ url, certificate }: { url: string; certificate: string }, token: string) {
    this.#server = new URL(url);
    writeFileSync(join(this.#folder, 'token'), token);
    writeFileSync(join(this.#folder, 'ca.crt'), certificate);
  }

  /** Begins at once. @param name its identity in the lease: one that is started anew under its old name need not wait */
  start(name: string): ControllerProcess {
    return this.#watch(this.#spawn('controller/main.ts', name));
  }

  /** Loading takes longer than all else; so it is over before the moment that a test is about. */
  prepare(name: string): WaitingController {
    const child = this.#spawn('test/controller/waitingController.ts', name);
    return {
      begin: () => {
        child.stdin!.end('begin\n');
        return this.#watch(child);
      },
    };
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(script: string, name: string): ChildProcess {
    const { KUBECONFIG: _, ...withoutKubeconfig } = process.env;
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      env: {
        ...withoutKubeconfig,
        // As in a pod.
        MEI_SERVICE_ACCOUNT: this.#folder,
        KUBERNETES_SERVICE_HOST: this.#server.hostname,
        KUBERNETES_SERVICE_PORT: this.#server.port,
        POD_NAME: name,
        PORT: '0',
        MEI_HOST: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // One that is killed before it begins reads nothing.
    child.stdin.on('error', () => {});
    this.#children.push(child);
    return child;
  }

  #watch(child: ChildProcess): ControllerProcess {
    const lines: string[] = [];
    const said = (words: string) =>
      new Promise<string>((resolve) => {
        reader.on('line', (line) => {
          if (line.includes(words)) resolve(line);
        });
      });
    const reader = createInterface(child.stdout!);
    reader.on('line', (line) => lines.push(line));
    return {
      child,
      lines,
      leading: said('"leading"').then(() => undefined),
      address: said('waiting for the lease').then(
        (line) => `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`,
      ),
      ended: once(child, 'exit'),
    };
  }
}
