// Faults of links, disks and clocks with real processes: what the results are afterwards.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OutboxStore } from '../../delivery/outboxStore.ts';
import { random } from '../functions/match/world.ts';
import { faults, withTable, type Fault } from './catalogue.ts';
import { openLink, openUnrulyLink } from './proxy.ts';
import { Runs, until, type Outcome } from './run.ts';
import { readStatus, resultsOf, untilCompleted } from './sample.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { forgeries, sendAs } from './strangers.ts';

const edge = 'fault-edge';
const cloud = 'fault-cloud';
let runs: Runs;

beforeAll(async () => {
  runs = await Runs.prepare();
}, 60_000);
afterAll(() => runs.close());

const fault = (name: Fault, body: () => Promise<void>) => test(name, body, 180_000);

async function expectCalm({ results, repeated }: Outcome): Promise<void> {
  expect(results).toEqual((await runs.calm()).results);
  expect(repeated).toEqual([]);
}

/** Types of the events that wait on the edge, in order. */
function waitingIn(folder: string): string[] {
  const store = new OutboxStore(join(folder, 'outbox', edge));
  try {
    return store
      .next(store.targets().length > 0 ? store.targets() : ['none'], 0, { events: 1000, bytes: Infinity })
      .map(({ target }) => target);
  } finally {
    store.close();
  }
}

const ends = (folder: string) => waitingIn(folder).filter((type) => type.includes('stream')).length;

/** Whose far end is known only once the cloud listens. */
function later() {
  let url = '';
  return {
    target: () => url,
    through: (link: { url: string }) => (_worker: string, real: string) => {
      url = real;
      return link.url;
    },
  };
}

fault('the link to the cloud is down for a whole recording', async () => {
  const { target, through } = later();
  const link = await openLink(target, 'cut');
  try {
    const outcome = await runs.run(
      'cut',
      async ({ folder }) => {
        await until(() => ends(folder) === 2, 'both recordings are done without the cloud');
        expect(link.connections).toBeGreaterThan(0);
        link.state = 'open';
      },
      { through: through(link) },
    );
    await expectCalm(outcome);
  } finally {
    await link.close();
  }
});

fault('the link freezes without a word', async () => {
  const { target, through } = later();
  const link = await openLink(target);
  try {
    const outcome = await runs.run(
      'frozen',
      async ({ folder }) => {
        await until(() => link.connections > 0, 'the first delivery');
        link.state = 'frozen';
        const before = link.connections;
        await until(() => ends(folder) === 2, 'both recordings are done meanwhile');
        await until(() => link.connections > before, 'the frozen connection is given up');
        link.state = 'open';
      },
      { through: through(link), env: { MEI_DELIVERY_TIMEOUT_MS: '700' } },
    );
    await expectCalm(outcome);
  } finally {
    await link.close();
  }
});

fault('the cloud answers slowly, and often not at all', async () => {
  const { target, through } = later();
  const next = random(11);
  const link = await openUnrulyLink(target, {
    next,
    delayMs: 250,
    lostAnswers: 0.3,
    repeats: 0,
    refusals: 0.2,
  });
  try {
    await expectCalm(await runs.run('slow', async () => undefined, { through: through(link) }));
  } finally {
    await link.close();
  }
});

fault('requests arrive twice and out of order', async () => {
  const { target, through } = later();
  const next = random(12);
  const link = await openUnrulyLink(target, {
    next,
    delayMs: 0,
    lostAnswers: 0.3,
    repeats: 0.7,
    refusals: 0,
  });
  try {
    await expectCalm(await runs.run('twice', async () => undefined, { through: through(link) }));
    expect(link.connections).toBeGreaterThan(5);
  } finally {
    await link.close();
  }
});

fault("the cloud's store is gone", async () => {
  const before = (await runs.calm()).results;
  const { results } = await runs.run('empty', async ({ fleet, folder }) => {
    await until(() => readdirSync(join(folder, 'store')).includes('identities.db'), 'the store exists');
    await until(() => resultsOf(folder).tracks.length > 0, 'somebody is stored');
    await fleet.restart(cloud, () => rmSync(join(folder, 'store'), { recursive: true }));
    await untilCompleted(folder, 60_000);
    expect(fleet.log(edge)).not.toMatch(/uncaught/);
    expect(fleet.log(cloud)).not.toMatch(/uncaught/);
  });
  expect(results.tracks.length).toBeLessThanOrEqual(before.tracks.length);
  expect(results.tracks.every(({ identity }) => identity !== null)).toBe(true);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write('SKIPPED: "the disk of the edge is full" needs root to mount a small file system\n');
if (!isRoot && process.env['CI'] === 'true') throw new Error('the test of a full disk needs root in CI');

(isRoot ? fault : test.skip)('the disk of the edge is full' satisfies Fault, async () => {
  const { target, through } = later();
  const link = await openLink(target, 'cut');
  const disk = join(runs.sample.folder, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
  try {
    const outcome = await runs.run(
      'full',
      async ({ fleet }) => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(Math.max(0, bavail * bsize)));
        await until(() => /cannot be used/.test(fleet.log(edge)), 'the full disk is named in the log');
        await until(async () => (await fetch(`${fleet.url(edge)}healthz`)).ok, 'the worker lives');
        rmSync(join(disk, 'ballast'));
        link.state = 'open';
      },
      {
        through: through(link),
        before(folder) {
          symlinkSync(disk, join(folder, 'outbox'));
        },
      },
    );
    await expectCalm(outcome);
  } finally {
    execFileSync('umount', ['-l', disk]);
    await link.close();
  }
});

fault('the clocks are set a day forward, then two back', async () => {
  const clock = join(runs.sample.folder, 'clock-offset');
  const dayMs = 86_400_000;
  const outcome = await runs.run(
    'clock',
    async ({ folder }) => {
      await until(() => readdirSync(join(folder, 'store')).includes('identities.db'), 'it has begun');
      writeFileSync(clock, String(dayMs));
      await until(() => resultsOf(folder).tracks.length > 0, 'somebody is stored');
      writeFileSync(clock, String(-dayMs));
    },
    { env: { NODE_OPTIONS: `--import ${resolve('test/faults/clockShim.mjs')}`, CLOCK_FILE: clock } },
  );
  await expectCalm(outcome);
});

fault('strangers in the network send events', async () => {
  const answers: Record<string, Set<number>> = {};
  const outcome = await runs.run(
    'strangers',
    async ({ fleet, folder }) => {
      const model = resolveModel(defaultModels.embed, 'embed');
      for (const worker of fleet.workers) {
        answers[worker] = new Set();
        for (const token of [undefined, 'a-token-of-their-own-making'])
          for (const message of forgeries(model))
            answers[worker].add(await sendAs(token, fleet.url(worker), message));
        expect(fleet.log(worker)).toMatch(/refused/);
      }
      await until(() => readStatus(folder) !== undefined, 'there is a status');
      expect(JSON.stringify(readStatus(folder))).not.toMatch(/stranger/);
    },
    { packing: 'PerStage' },
  );
  expect(Object.keys(answers).length).toBeGreaterThan(3);
  // Workers of cameras take pictures only, whoever sends them.
  for (const [worker, statuses] of Object.entries(answers))
    expect([worker, [...statuses].sort()]).toEqual([worker, worker.includes('ingest') ? [401, 403] : [401]]);
  expect(outcome.results).toEqual((await runs.calm('PerStage')).results);
  expect(outcome.repeated).toEqual([]);
});

test('docs/reliability.md shows the table of today, and each fault in it has a test', () => {
  const page = readFileSync('docs/reliability.md', 'utf8');
  const squeezed = (text: string) => text.replace(/[ -]+/g, ' ');
  expect(squeezed(page)).toBe(squeezed(withTable(page)));
  const tests = readdirSync('test/faults')
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join('test/faults', file), 'utf8'))
    .join('\n');
  for (const name of Object.keys(faults))
    expect(tests).toMatch(new RegExp(`(fault|test|skip\\)|describe)\\(\\s*['"]${name}['"]`));
});
