// What matching learned of a site outlives its process: a real worker is killed, and the next one knows it before anything comes.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Status } from '../../../config/schema/status.ts';
import type { StageEvent, TrackletsData } from '../../../config/events.ts';
import { binaryMessage } from '../../../delivery/binding.ts';
import { toEnvelope } from '../../../functions/host/codec.ts';
import { until, workerConfig } from '../host/support.ts';
import { makeWorld } from './world.ts';

type Site = NonNullable<NonNullable<Status['output']>['site']>;

const root = new URL('../../../', import.meta.url).pathname;
let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'match-restart-'))));
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const world = makeWorld(11, 60, 3, 0.25);
/** One of the cameras is in the dark: everybody there looks the same. */
const dark = world.cameras[2]!;
const events = [...world.lines.values()]
  .flat()
  .filter(({ time }) => time !== undefined)
  .sort((a, b) => a.time!.localeCompare(b.time!))
  .map((event): StageEvent => {
    const data = event.data as TrackletsData;
    const model = 'ab'.repeat(32);
    if (data.camera !== dark) return { ...event, data: { ...data, model } };
    const vector = new Int8Array(data.dimensions).fill(64);
    const tracklets = data.tracklets.map((one) => ({
      ...one,
      prototypes: one.prototypes.map((prototype) => ({ ...prototype, vector })),
    }));
    return { ...event, data: { ...data, model, tracklets } };
  });

/** A worker of match and status; resolves with its address. */
async function start(): Promise<string> {
  const config = workerConfig(['match', 'status'], { storeFolder: folder });
  config.cameras = world.cameras.map((id) => ({
    id,
    source: { type: 'RTSP', uri: 'rtsp://192.0.2.1/', realtime: true, transport: 'TCP' },
    mask: [],
  }));
  // A small memory: most of what is learned is of tracks that have left it.
  config.match = { ...config.match, params: { maxTraces: 60, calibrationPairs: 20 } };
  const path = join(folder, 'worker.json');
  writeFileSync(path, JSON.stringify(config));
  child = fork(join(root, 'functions/host/main.ts'), {
    cwd: root,
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, MEI_WORKER_CONFIG: path, NODE_OPTIONS: '', MEI_REPORT_INTERVAL_MS: '200' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(60_000) })) as [
    { port: number },
  ];
  return `http://127.0.0.1:${message.port}/`;
}

async function kill(): Promise<void> {
  const exited = once(child!, 'exit');
  child!.kill('SIGKILL');
  await exited;
}

async function send(url: string, event: StageEvent): Promise<void> {
  const { headers, parts } = binaryMessage(toEnvelope(event));
  const answer = await fetch(url, { method: 'POST', headers, body: Buffer.concat(parts) });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
}

/** What the status says of the site, once it says what is waited for. */
async function siteAt(url: string, isThere: (site: Site) => boolean): Promise<Site> {
  let site: Site | undefined;
  let asked: Promise<void> | undefined;
  await until(
    () => {
      asked ??= fetch(`${url}status.json`)
        .then((answer) => answer.json() as Promise<Status>)
        .then(({ output }) => void (site = output?.site))
        .finally(() => (asked = undefined));
      return site !== undefined && isThere(site);
    },
    'the status tells of the site',
    30_000,
  );
  // Nobody asks any more when the worker is killed.
  await asked;
  return site!;
}

const peopleOf = ({ ways = [] }: Site) => ways.reduce((sum, { people }) => sum + people, 0);
const pairsOf = ({ calibration = [] }: Site) => calibration[0]?.differentPairs ?? 0;

test('ways, thresholds and problems are told after a kill, before anything comes', async () => {
  const first = await start();
  for (const event of events) await send(first, event);
  const before = await siteAt(first, (site) => peopleOf(site) > 10 && pairsOf(site) > 60);
  expect(before.problems).toEqual([expect.stringMatching(`camera ${dark}: .*everybody the same vector`)]);
  await kill();

  const again = await siteAt(await start(), (site) => peopleOf(site) > 0 || pairsOf(site) > 0);
  // What came since it was last learned is known as well.
  expect(peopleOf(again)).toBeGreaterThanOrEqual(peopleOf(before));
  expect(pairsOf(again)).toBeGreaterThanOrEqual(pairsOf(before));
  expect(again.problems).toEqual(before.problems);
  await kill();

  const third = await siteAt(await start(), (site) => peopleOf(site) > 0 || pairsOf(site) > 0);
  expect(third).toEqual(again);
}, 240_000);
