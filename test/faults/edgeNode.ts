// The node of a fleet with a real local controller, through which its workers are configured: for tests that kill it, and that
// take the controller away from it.
import { createHash } from 'node:crypto';
import type { WorkerConfig } from '../../config/worker.ts';
import type { DesiredWorker } from '../../controller/desired.ts';
import { startLocal, type LocalProcess } from '../controller/link/localProcess.ts';
import { createSite, startCloud, type Cloud, type Site } from '../controller/link/site.ts';

const node = 'edge-1';
const uid = 'uid-of-fault';
const mountedGeneration = 1;

export class EdgeNode {
  readonly #program: string;
  readonly #site: Site;
  readonly #env: Record<string, string>;
  readonly #configs = new Map<string, WorkerConfig>();
  readonly #fleetTokens = new Set<string>();
  readonly #logs: string[][] = [];
  #cloud: Cloud;
  #local: Promise<LocalProcess>;
  #port = 0;
  #isEnding = false;
  /** How often the local controller was killed, and how often the controller came back with an empty memory. */
  readonly counts = { kills: 0, cuts: 0 };

  /** @param program entry of a local controller */
  static async start(program: string, env: Record<string, string> = {}): Promise<EdgeNode> {
    const site = createSite();
    site.addToken(node);
    const made = new EdgeNode(program, site, await startCloud(site), env);
    made.#local = made.#begin();
    await made.#local;
    return made;
  }

  private constructor(program: string, site: Site, cloud: Cloud, env: Record<string, string>) {
    this.#program = program;
    this.#site = site;
    this.#cloud = cloud;
    this.#env = env;
    this.#local = Promise.reject(new Error('not started'));
    this.#local.catch(() => undefined);
  }

  /** For the worker: where its local controller is. */
  get env(): Record<string, string> {
    return { MEI_LC_URL: `http://127.0.0.1:${this.#port}` };
  }

  /** All that its processes have logged, and the controller's side of the link. */
  get log(): string {
    return [...this.#logs.flat(), JSON.stringify(this.#cloud.log.lines)].join('\n');
  }

  /**
   * Tells the local controller what a worker has to do. Gives what the kubelet mounts: an older configuration, of before the task
   * had cameras, so that without a local controller nothing happens at all.
   */
  configure({ placement }: DesiredWorker, full: WorkerConfig, token: string): WorkerConfig {
    const task = { ...full.task, uid, generation: mountedGeneration + 1 };
    if (placement !== 'edge') return { ...full, task };
    this.#configs.set(full.worker, { ...full, task });
    this.#fleetTokens.add(token);
    this.#publish();
    return { ...full, task: { ...task, generation: mountedGeneration }, cameras: [] };
  }

  /** kill -9 once it listens; it is started again after `awayMs`. */
  async kill(awayMs: number): Promise<void> {
    const local = await this.#local;
    this.counts.kills++;
    this.#local = local
      .kill('SIGKILL')
      .then(() => new Promise((resolve) => setTimeout(resolve, awayMs)))
      .then(() => this.#begin());
    this.#local.catch(() => undefined);
  }

  /** The controller goes, and comes back knowing nothing but what the API server would tell it. */
  async cut(): Promise<void> {
    this.counts.cuts++;
    const { port } = this.#cloud.server;
    await this.#cloud.close();
    this.#cloud = await startCloud(this.#site, { port });
    this.#publish();
  }

  async stop(): Promise<void> {
    this.#isEnding = true;
    const local = await this.#local.catch(() => undefined);
    if (local?.child.exitCode === null && local.child.signalCode === null) await local.kill('SIGKILL');
    await this.#cloud.close();
    this.#site.remove();
  }

  async #begin(): Promise<LocalProcess> {
    if (this.#isEnding) throw new Error('the test is over');
    const env = { ...this.#env, PORT: String(this.#port) };
    const local = await startLocal(this.#site, node, this.#cloud.server.port, env, this.#program);
    this.#port = Number(new URL(local.url).port);
    this.#logs.push(local.lines);
    return local;
  }

  #publish(): void {
    const workers = [...this.#configs.values()];
    const tokens = [...this.#fleetTokens];
    if (workers.length === 0) return;
    const { name, namespace, generation } = workers[0]!.task;
    const digest = createHash('sha256')
      .update(JSON.stringify([workers, tokens]))
      .digest('hex');
    const task = { name, namespace, uid, generation };
    const share = { task, digest, workers, tokens, isCounted: true };
    this.#cloud.downstream.publish(`${namespace}/${name}`, new Map([[node, share]]));
  }
}
