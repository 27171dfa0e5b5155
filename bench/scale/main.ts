// `npm run bench:scale`: how many cameras match carries, with one owner of a task and with more; how long it takes at the speed of
// life; what grows with the store; what happens above its limit. Tracklets carry vectors of recorded people.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { progressBar } from '../controller/progress.ts';
import { machineShape, markdownTable, median, medianWithRange } from '../machine.ts';
import { marketRecording } from '../matching/marketStreams.ts';
import { measureLive } from './live.ts';
import { measureLoad, type Load } from './load.ts';
import { measureOverload } from './overload.ts';
import { recordedLooks } from './recordedLooks.ts';
import { measureStored, type Stored } from './stored.ts';

const parts = ['load', 'live', 'stored', 'overload'];
const { values } = parseArgs({
  options: {
    part: { type: 'string', default: parts.join(',') },
    cameras: { type: 'string', default: '10,100,500,2000' },
    owners: { type: 'string', default: '1,2,4' },
    live: { type: 'string', default: '10,100' },
    vectors: { type: 'string', default: '1000,10000,100000,1000000' },
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    embedder: { type: 'string', default: 'reid-0286' },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:scale -- [--part ${parts.join(',')}] [--cameras n,n] [--owners n,n] [--live cameras,cameras]
  [--vectors n,n of the past] [--seconds of media time] [--rounds n] [--embedder row] [--cache folder]
Needs ../shared (SHARED_DIR); own models: MODELS_DIR.`);
  process.exit(0);
}

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');
const numbers = (text: string) => text.split(',').map(Number);
const wanted = new Set(values.part.split(','));
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const embedder = resolveModel({ name: values.embedder }, 'embed');
const recording = await marketRecording(join(shared, 'data'), values.cache, embedder, 1);
const looks = recordedLooks(recording);

console.log(`${machineShape()}; ${embedder.name}, five people in view of each camera\n`);
if (wanted.has('load')) await tellLoad();
if (wanted.has('live')) await tellLive();
if (wanted.has('stored')) await tellStored();
if (wanted.has('overload')) await tellOverload();

async function tellLoad(): Promise<void> {
  const cells = numbers(values.cameras).flatMap((cameras) =>
    numbers(values.owners)
      .filter((owners) => owners <= cameras)
      .map((owners) => ({ cameras, owners })),
  );
  const bar = progressBar('load', rounds * cells.length);
  const found = new Map<string, Load[]>();
  for (let round = 0, done = 0; round < rounds; round++)
    for (const { cameras, owners } of cells) {
      // Few cameras send for longer, so that the start counts little.
      const length = Math.max(seconds, Math.ceil((seconds * 100) / cameras));
      const key = `${cameras} ${owners}`;
      found.set(key, [...(found.get(key) ?? []), await measureLoad(cameras, owners, length, looks)]);
      bar.update(++done);
    }
  bar.stop();
  const rows = cells.map(({ cameras, owners }) => {
    const runs = found.get(`${cameras} ${owners}`)!;
    const alone = found.get(`${cameras} ${numbers(values.owners)[0]}`)!;
    const of = (read: (run: Load) => number, digits: number) => medianWithRange(runs.map(read), digits);
    const gains = runs.map(({ eventsPerSecond }, i) => eventsPerSecond / alone[i]!.eventsPerSecond);
    return [
      String(cameras),
      String(owners),
      String(runs[0]!.events),
      of(({ eventsPerSecond }) => eventsPerSecond, 0),
      median(gains).toFixed(2),
      of(({ coreSecondsPerThousand }) => coreSecondsPerThousand, 2),
      of(({ senderSecondsPerThousand }) => senderSecondsPerThousand, 2),
      `${percentiles(runs.flatMap(({ delaysMs }) => delaysMs))} ms`,
      String(Math.max(...runs.map(({ refused }) => refused))),
      of(({ residentMiB }) => residentMiB, 0),
    ];
  });
  const header = ['cameras', 'owners', 'events', 'events/s', 'to one', 'core s/1,000', 'sender s/1,000'];
  console.log('As fast as it goes:\n');
  console.log(`${markdownTable([...header, 'stored p50 / p99', 'refused', 'MiB'], rows)}\n`);
}

async function tellLive(): Promise<void> {
  const rows: string[][] = [];
  for (const cameras of numbers(values.live)) {
    const run = await measureLive(cameras, Math.max(30, seconds), looks);
    rows.push([
      String(cameras),
      run.eventsPerSecond.toFixed(0),
      run.cores.toFixed(2),
      `${percentiles(run.storedMs)} ms`,
      `${percentiles(run.announcedMs)} ms`,
      `${Math.round(run.announcedShare * 100)} %`,
    ]);
  }
  const header = ['cameras', 'events/s', 'cores', 'stored p50 / p99', 'said who, p50 / p99', 'said'];
  console.log(`At the speed of life, one owner:\n\n${markdownTable(header, rows)}\n`);
}

async function tellStored(): Promise<void> {
  const sizes = numbers(values.vectors);
  const found = new Map<number, Stored[]>();
  const bar = progressBar('stored', rounds * sizes.length);
  for (let round = 0, done = 0; round < rounds; round++)
    for (const vectors of sizes) {
      const run = await measureStored(vectors, 20, seconds * 8, looks);
      found.set(vectors, [...(found.get(vectors) ?? []), run]);
      bar.update(++done);
    }
  bar.stop();
  const least = median(found.get(sizes[0]!)!.map((run) => run.coreSecondsPerThousand));
  const rows = sizes.map((vectors) => {
    const runs = found.get(vectors)!;
    const cost = median(runs.map((run) => run.coreSecondsPerThousand));
    return [
      String(vectors),
      medianWithRange(
        runs.map((run) => run.eventsPerSecond),
        0,
      ),
      medianWithRange(
        runs.map((run) => run.coreSecondsPerThousand),
        2,
      ),
      (cost / least).toFixed(2),
      medianWithRange(
        runs.map((run) => run.startMs / 1000),
        2,
      ),
    ];
  });
  const header = ['stored vectors', 'events/s', 'core s/1,000', 'to the smallest', 'start s'];
  console.log(
    `With ever more people of the past in the store, one owner:\n\n${markdownTable(header, rows)}\n`,
  );
}

async function tellOverload(): Promise<void> {
  const run = await measureOverload(200, seconds * 2, looks);
  console.log(
    `Above the limit: ${run.offeredPerSecond.toFixed(0)} events/s offered, ${run.takenPerSecond.toFixed(0)} taken; ` +
      `${run.mostWaiting} waited in outboxes, ${run.retries} tries came again; nothing lost or counted twice ` +
      `${run.drainS.toFixed(1)} s after the last was offered`,
  );
}

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return `${at(0.5).toFixed(0)} / ${at(0.99).toFixed(0)}`;
}
