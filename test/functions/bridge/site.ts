// A task as its console tells of it, served by the real console's server: bridge tests say what happens in it.
import { serveConsole, type ConsoleServer } from '../../../functions/console/server.ts';
import type { ConsoleSource } from '../../../functions/console/source.ts';
import type { ChangeView, TaskView } from '../../../functions/console/types.ts';
import type { IdentityChange } from '../../../config/events.ts';
import { AccessFile } from '../../../functions/console/access.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export class Site {
  readonly changes: ChangeView[] = [];
  view: TaskView = {
    name: 'hall',
    namespace: 'site',
    place: 'local',
    status: { phase: 'Running', identities: 2 },
    cameras: [
      { id: 'door', source: 'RTSP', state: 'connected', fps: 4.96, people: 1, masked: false },
      { id: 'gate', source: 'RTSP', state: 'reconnecting', message: 'connection refused', masked: false },
    ],
    overlaps: [],
    ways: [],
    mode: 'MultiObject',
    targets: ['anna'],
    models: [],
    operations: [],
    pictureSearch: false,
  };
  #server: ConsoleServer | undefined;

  get url(): string {
    return this.#server!.url;
  }

  tell(...changes: IdentityChange[]): void {
    this.changes.push({ sequence: this.changes.length + 1, changes });
  }

  async open(port = 0, tokensFile?: string): Promise<void> {
    const source: ConsoleSource = {
      taskName: this.view.name,
      task: async () => structuredClone(this.view),
      identities: () => ({ identities: [], truncated: false }),
      contacts: () => [],
      changesAfter: (sequence, most) =>
        this.changes.filter((each) => each.sequence > sequence).slice(0, most),
      sequences: () => ({ oldest: this.changes.length > 0 ? 1 : 0, newest: this.changes.length }),
      motion: () => [],
      picture: () => undefined,
      recording: () => undefined,
      close: () => undefined,
    };
    const access = tokensFile === undefined ? {} : { access: new AccessFile(tokensFile) };
    const options = { source, log: silent, stream: { intervalMs: 5 }, ...access };
    this.#server = await serveConsole(options, { port, host: '127.0.0.1' });
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }
}

const evidence = { score: 0.8, margin: 0.2, reason: 'looks alike' };

export const seen = (identity: string, camera = 'door'): IdentityChange => ({
  kind: 'assigned',
  identity,
  camera,
  track: 's.1',
  time: 1_767_268_800,
  isNew: true,
  ...evidence,
});

export const sighted = (identity: string, camera = 'door'): IdentityChange => ({
  kind: 'sighted',
  target: 'anna',
  identity,
  camera,
  track: 's.1',
  time: 1_767_268_800,
  ...evidence,
});
