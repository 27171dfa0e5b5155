// `mei search` and `mei forget` on the folder of a real run: whoever is erased is in no byte of any file there.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Identity, SearchResult, Track } from '../../config/queries/answers.ts';
import { openLease } from '../../functions/match/lease.ts';
import { storeFileName } from '../../functions/match/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-forget-'));
const run = join(folder, 'run');

function mei(...args: string[]) {
  const options = { encoding: 'utf8' as const, maxBuffer: 1 << 28 };
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--import', './test/support/typescriptThreads.mjs', 'cli/mei.ts', ...args],
    options,
  );
  return { stdout, stderr, status };
}

function json<T>(...args: string[]): T[] {
  const { stdout, stderr, status } = mei(...args, '--json');
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

beforeAll(() => {
  // Another time for each: tracks of two cameras must not bear one name.
  const camera = (id: string, millis: string) =>
    `{id: ${id}, fps: 2, source: {uri: ${resolve(`samples/${id}.mp4`)}, startTime: "2026-01-01T12:00:00.${millis}Z"}}`;
  const task = join(folder, 'task.yaml');
  writeFileSync(
    task,
    `apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: two}\nspec:\n  packing: PerNode\n  cameras: [${camera('left', '000')}, ${camera('right', '040')}]\n`,
  );
  const { status, stderr } = mei('run', task, '--out', run, '--no-console', '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function people(of = run): Identity[] {
  return json<Identity>('search', '--out', of);
}

test('search says who was there, where somebody was between two times, and who looks alike', () => {
  const all = people();
  expect(all.length).toBeGreaterThan(4);
  const { identity, tracks } = all.find(({ cameras }) => cameras.length > 1)!;
  const where = json<Track>('search', '--out', run, '--identity', identity);
  expect(where).toHaveLength(tracks);
  const [first] = where;
  const before = json<Track>('search', '--out', run, '--identity', identity, '--to', String(first!.from - 1));
  expect(before).toEqual([]);
  const [alike] = json<SearchResult['items'][number]>(
    'search',
    '--out',
    run,
    '--track',
    `${first!.camera}/${first!.track}`,
  );
  expect(alike).toMatchObject({ identity, isSame: true });
  const table = mei('search', '--out', run, '--identity', identity).stdout;
  expect(table).toContain(first!.track);
  expect(table).toMatch(/2026-01-01T12:0\d:\d\d/);
}, 120_000);

test.each([
  [['search'], 'name either the folder of a run with --out, or a match worker with --url'],
  [['search', '--out', 'nowhere'], 'no results there'],
  [['search', '--url', 'http://127.0.0.1:1', '--identity', 'x'], 'does not answer'],
  [['forget', 'p-nobody', '--out', run, '--yes'], 'nobody is called p-nobody here'],
])('%j says what is wrong in a line', (args, problem) => {
  const { stderr, status } = mei(...args);
  expect(status).not.toBe(0);
  expect(stderr).toContain(problem);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('whoever is erased is in no byte of any file of the run; others stay', () => {
  const copy = join(folder, 'copy');
  cpSync(run, copy, { recursive: true });
  const all = people(copy);
  const person = all.find(({ cameras }) => cameras.length > 1)!;
  const tracks = json<Track>('search', '--out', copy, '--identity', person.identity);
  const traits = [person.identity, ...tracks.map(({ track }) => track)].map((name) => Buffer.from(name));
  const shared = new Set(
    all.filter((each) => each !== person).flatMap((each) => tracksOf(copy, each.identity)),
  );
  const own = traits.filter((trait) => !shared.has(String(trait)));
  expect(own.every(({ length }) => length < 24)).toBe(true);
  const vectors = vectorsOf(copy, tracks);
  expect(vectors.length).toBeGreaterThan(0);
  const before = bytesIn(copy);
  for (const trait of [...own, ...vectors])
    expect(before.some(({ bytes }) => holds(bytes, trait))).toBe(true);
  // In the store, the changes, the results, the boxes and the logs.
  const named = before
    .filter(({ bytes }) => own.some((trait) => holds(bytes, trait)))
    .map(({ name }) => name);
  const files = ['identities.db', 'identity-changes.jsonl', 'identities.jsonl', 'tracks.csv', '.log'];
  expect(files.filter((file) => !named.some((name) => name.endsWith(file)))).toEqual([]);

  const told = mei('forget', person.identity, '--out', copy);
  expect(told.stdout).toContain('add --yes');
  expect(people(copy)).toEqual(all);
  expect(mei('forget', person.identity, '--out', copy, '--yes')).toMatchObject({ status: 0, stderr: '' });
  const left = bytesIn(copy);
  const found = left.flatMap(({ name, bytes }) =>
    [...own, ...vectors]
      .filter((trait) => holds(bytes, trait))
      .map((trait) => `${name}: ${String(trait).slice(0, 40)}`),
  );
  expect(found).toEqual([]);
  expect(people(copy).map(({ identity }) => identity)).toEqual(
    all.filter((each) => each !== person).map(({ identity }) => identity),
  );
}, 120_000);

test('a run that goes on is left alone', () => {
  const copy = join(folder, 'going');
  cpSync(run, copy, { recursive: true });
  const lease = openLease(copy);
  const epoch = lease.take('two-cloud', lease.state())!;
  const timer = spawnBeat(copy, epoch);
  const { stderr, status } = mei('forget', people(copy)[0]!.identity, '--out', copy, '--yes');
  timer.kill();
  lease.close();
  expect(status).toBe(1);
  expect(stderr).toContain('the run goes on: stop it first');
}, 60_000);

/** A process that shows that it has the store. */
function spawnBeat(of: string, epoch: number) {
  const file = JSON.stringify(join(of, storeFileName));
  const script = `import Database from 'libsql'; const d = new Database(${file}); d.exec('PRAGMA busy_timeout = 5000;');
    setInterval(() => d.prepare('UPDATE lease SET beat = beat + 1 WHERE epoch = ?').run(${epoch}), 500);`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
}

function tracksOf(of: string, identity: string): string[] {
  const database = new Database(join(of, storeFileName), { readonly: true });
  const rows = database.prepare('SELECT track FROM tracks WHERE identity = ?').all(identity) as {
    track: string;
  }[];
  database.close();
  return rows.map(({ track }) => track);
}

function vectorsOf(of: string, tracks: Track[]): Buffer[] {
  const database = new Database(join(of, storeFileName), { readonly: true });
  const read = database.prepare('SELECT vector FROM prototypes WHERE camera = ? AND track = ?');
  const found = tracks.flatMap(({ camera, track }) =>
    (read.all(camera, track) as { vector: ArrayBuffer }[]).map(({ vector }) =>
      Buffer.from(new Uint8Array(vector).slice(8, 48)),
    ),
  );
  database.close();
  return found;
}

function bytesIn(of: string): { name: string; bytes: Buffer }[] {
  return readdirSync(of, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({
      name: join(entry.parentPath, entry.name),
      bytes: readFileSync(join(entry.parentPath, entry.name)),
    }));
}

/** A vector: as it is, or in base64 at any of its three offsets. A name: whole, as it may be the beginning of another. */
function holds(bytes: Buffer, trait: Buffer): boolean {
  if (trait.length >= 24)
    return (
      bytes.includes(trait) ||
      [0, 1, 2].some((offset) => bytes.includes(trait.subarray(offset, offset + 21).toString('base64')))
    );
  for (let at = bytes.indexOf(trait); at >= 0; at = bytes.indexOf(trait, at + 1))
    if (!/\d/.test(String.fromCharCode(bytes[at + trait.length] ?? 0))) return true;
  return false;
}
