// `mei outbox` as people call it, on the outboxes of two workers of a run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { rowOf, type Rank } from '../../delivery/eventRows.ts';
import { OutboxStore } from '../../delivery/outboxStore.ts';

let run: string;

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'mei-outbox-'));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

function mei(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'cli/mei.ts', 'outbox', ...args],
    { encoding: 'utf8' },
  );
  return { stdout, stderr, status };
}

/** An outbox with events that wait, and of those the ones that were refused. */
function fill(worker: string, waiting: string[], dead: string[]): void {
  const store = new OutboxStore(join(run, 'outbox', worker));
  const row = (id: string, rank: Rank = 'lasting') =>
    rowOf({
      envelope: {
        attributes: {
          specversion: '1.0',
          id,
          source: '/embed/door',
          type: 'tracklets',
          partitionkey: 'door',
        },
        data: { kind: 'bytes', parts: [Buffer.alloc(2048)] },
      },
      target: 'tracklets',
      rank,
    });
  store.write(
    [...dead, ...waiting].map((id) => row(id)),
    0,
    [],
    new Map(),
  );
  const refused = store.next(['tracklets'], 0, { events: dead.length, bytes: Infinity });
  for (const { seq } of refused.slice(0, dead.length))
    store.bury(seq, 422, 'data.tracklets: must be a list', Date.UTC(2026, 0, 1), 100);
  store.close();
}

const waitingIn = (worker: string) => {
  const store = new OutboxStore(join(run, 'outbox', worker));
  const ids = store.next(['tracklets'], 0, { events: 100, bytes: Infinity }).map(({ id }) => id);
  store.close();
  return ids;
};

test('lists what waits and the dead letters of every worker, with their reasons', () => {
  fill('shop-edge-1', ['a', 'b'], ['poison']);
  fill('shop-edge-2', [], []);
  const { stdout, status } = mei('list', run);
  expect(status).toBe(0);
  expect(stdout).toBe(
    'shop-edge-1: 2 events waiting, 1 dead letter\n' +
      '  door: 2 events, 4.2 KiB\n' +
      '  1  2026-01-01T00:00:00  door  tracklets  poison\n' +
      '     422 data.tracklets: must be a list\n' +
      'shop-edge-2: 0 events waiting, 0 dead letters\n',
  );
});

test('lists as JSON lines', () => {
  fill('shop-edge-1', ['a'], ['poison']);
  const lines = mei('list', run, '--json')
    .stdout.trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  const event = { worker: 'shop-edge-1', key: 'door', type: 'tracklets', source: '/embed/door' };
  expect(lines).toEqual([
    expect.objectContaining({ ...event, state: 'waiting', id: 'a', rank: 'lasting' }),
    expect.objectContaining({
      ...event,
      state: 'dead',
      id: 'poison',
      number: 1,
      status: 422,
      reason: 'data.tracklets: must be a list',
      refused: '2026-01-01T00:00:00.000Z',
    }),
  ]);
});

test('replays one by its number, and drops the rest', () => {
  fill('shop-edge-1', ['a'], ['p1', 'p2']);
  expect(mei('replay', run, '--number', '2').stdout).toBe('shop-edge-1: 1 dead letter waiting again\n');
  expect(waitingIn('shop-edge-1')).toEqual(['a', 'p2']);
  expect(mei('drop', join(run, 'outbox', 'shop-edge-1'), '--all').stdout).toBe(
    'shop-edge-1: 1 dead letter dropped\n',
  );
  expect(mei('list', run).stdout).toMatch(/^shop-edge-1: 2 events waiting, 0 dead letters/);
});

test.each([
  ['no outbox there', ['list', '/nowhere'], /^mei: \/nowhere: there is no outbox/, 2],
  ['neither numbers nor all', ['replay', '.'], /^mei: say which: --number .* or --all/, 1],
  ['no number', ['drop', '.', '--number', 'x'], /give a number of `mei outbox list`/, 1],
])('%s: one clear line', (_what, args, message, code) => {
  fill('shop-edge-1', [], []);
  const { stderr, status } = mei(...args.map((arg) => (arg === '.' ? run : arg)));
  expect(stderr).toMatch(message);
  expect(status).toBe(code);
});

test('a number that is not there is said', () => {
  fill('shop-edge-1', [], ['p1']);
  const { stderr, status } = mei('drop', run, '--number', '7');
  expect(stderr).toMatch(/there is no dead letter 7/);
  expect(status).toBe(2);
});

test('the help teaches', () => {
  const { stdout } = mei('--help');
  expect(stdout).toMatch(/dead\s+letter/);
  expect(stdout).toMatch(/mei outbox replay/);
});
