// The console tells what `mei search` answers, no more and no less: over all of a store, within a window, and of targets alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openSource } from '../../../functions/console/runSource.ts';
import type { ConsoleSource } from '../../../functions/console/source.ts';
import type { Contact, Page, Sighting, Track } from '../../../config/queries/answers.ts';
import type { IdentityChange, StageEvent, Tracklet } from '../../../config/events.ts';
import type { ArchiveScope } from '../../../functions/match/archive.ts';
import { openArchiveAccess, type ArchiveAccess } from '../../../functions/match/archiveAccess.ts';
import type { ArchiveQuestion } from '../../../functions/match/archiveThread.ts';
import { defaultSettings } from '../../../functions/match/core/settings.ts';
import { readContacts, readIdentities, readSightings } from '../../../functions/match/export.ts';
import { createMatch } from '../../../functions/match/handler.ts';
import { createLookout } from '../../../functions/match/lookout.ts';
import { openStore } from '../../../functions/match/store.ts';
import { endedEvent, start, testContext, trackletsEvent } from '../match/world.ts';

const cameras = ['door', 'hall'];
let folder: string;
let archive: ArchiveAccess;

function look(person: number): Int8Array {
  const vector = new Int8Array(32);
  vector[person] = 127;
  return vector;
}

/** A person who stands in one camera for eight seconds. */
function visit(camera: string, track: string, person: number, from: number): StageEvent[] {
  return ['start', 'end'].map((phase, index) => {
    const to = from + 4 * (index + 1);
    const points = [0, 1, 2, 3, 4].flatMap((after) => [4 * index + after, 0.5, 0.9, 0.1, 0.4]);
    const tracklet: Tracklet = {
      track,
      phase: phase as 'start' | 'end',
      revision: index + 1,
      from: start + from,
      to: start + to,
      observations: 8,
      path: Float32Array.from(points),
      prototypes: [
        { slot: 0, vector: look(person), scale: 1 / 127, quality: 0.9, time: start + to, weight: 1 },
      ],
    };
    return trackletsEvent(camera, `${track}-${phase}`, start + to, [tracklet]);
  });
}

/** Anna (1) thrice, of which once beside Bert (2), who is seen thrice too; Carl (3) stands beside Dora (4) at the end. */
const scene = [
  ...visit('door', 'a1', 1, 0),
  ...visit('door', 'b1', 2, 1),
  ...visit('hall', 'a2', 1, 30),
  ...visit('door', 'b2', 2, 60),
  ...visit('hall', 'b3', 2, 90),
  ...visit('door', 'a3', 1, 120),
  ...visit('hall', 'c1', 3, 200),
  ...visit('hall', 'd1', 4, 201),
].sort((x, y) => x.time!.localeCompare(y.time!));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'console-scope-'));
  const store = openStore(folder);
  const anna = { name: 'anna', model: 'digest', vectors: [Float32Array.from(look(1), (v) => v / 127)] };
  const match = createMatch({
    batching: { maxEvents: 1, maxWaitMs: 0 },
    store,
    settings: { ...defaultSettings, threshold: 0.5, votes: 1 },
    topology: { overlap: () => false, travel: () => undefined },
    cameras: cameras.map((id) => ({ id, source: { type: 'File', realtime: false, transport: 'TCP' } })),
    contacts: { method: 'Ellipse', distanceM: 0, minimumS: 1, homographies: new Map() },
    lookout: createLookout(
      { load: async () => ({ targets: [anna], problems: [] }) },
      { threshold: 0.6, margin: 0.1, unknownBelow: 0.3, bestPairShare: 0.5 },
      { sightings: [], identities: [], unknownSeen: false },
    ),
    task: { name: 'task', namespace: 'default' },
    worker: 'cloud',
  });
  const context = testContext();
  await match.init!(context);
  for (const event of [...scene, ...cameras.map(endedEvent)]) await match.handle(event, context);
  await match.shutdown!(context);
  archive = openArchiveAccess(folder, ['--import', './test/support/typescriptThreads.mjs']);
});
afterAll(async () => {
  await archive.close();
  rmSync(folder, { recursive: true, force: true });
});

function consoleOf(scope: ArchiveScope): ConsoleSource {
  const facts = {
    name: 'task',
    namespace: 'default',
    overlaps: [],
    allowed: [],
    mode: scope.onlyTargets ? ('SingleObject' as const) : ('MultiObject' as const),
    targets: ['anna'],
    contacts: { method: 'Ellipse' as const, minimumS: 1 },
    models: [],
    cameras: cameras.map((id) => ({ id, source: 'File', masked: false })),
  };
  return openSource({ place: folder, facts, scope, status: async () => ({}) });
}

const ask = <T>(name: ArchiveQuestion, scope: ArchiveScope, values = {}): Promise<Page<T>> =>
  archive.ask({ name }, scope, { limit: 1000, minimumS: 0, ...values }, AbortSignal.timeout(20_000));

const everybody = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'c1', 'd1'];
const cases: [string, ArchiveScope, string[], number][] = [
  ['all of a store', { window: {}, onlyTargets: false }, everybody, 2],
  [
    'from a moment on',
    { window: { start: start + 61 }, onlyTargets: false },
    ['a3', 'b2', 'b3', 'c1', 'd1'],
    1,
  ],
  ['up to a moment', { window: { end: start + 40 }, onlyTargets: false }, ['a1', 'a2', 'b1'], 1],
  ['targets alone', { window: {}, onlyTargets: true }, ['a1', 'a2', 'a3'], 1],
  [
    'targets in a window',
    { window: { start: start + 20, end: start + 150 }, onlyTargets: true },
    ['a2', 'a3'],
    0,
  ],
];

test.each(cases)('%s: the same people, contacts and targets', async (_what, scope, expected, pairs) => {
  const source = consoleOf(scope);
  try {
    const { items } = await ask<Track>('tracks', scope);
    const shown = source.identities().identities;
    const flat = shown.flatMap(({ identity, tracks }) => tracks.map((track) => ({ identity, ...track })));
    const byTime = (a: { from: number; track: string }, b: { from: number; track: string }) =>
      a.from - b.from || (a.track < b.track ? -1 : 1);
    expect(flat.map(({ track }) => track).sort()).toEqual(expected);
    expect(flat.sort(byTime)).toEqual(items.map(({ ended: _ended, ...track }) => track).sort(byTime));
    const written = readIdentities(folder, scope);
    expect(written.map(({ identity }) => identity)).toEqual(shown.map(({ identity }) => identity));

    const sightings = (await ask<Sighting>('sightings', scope)).items;
    expect(sightings.map(({ track }) => track)).toEqual(expected.filter((track) => track.startsWith('a')));
    expect(readSightings(folder, scope).map(({ track }) => track)).toEqual(
      sightings.map(({ track }) => track),
    );
    expect(shown.flatMap(({ target }) => target ?? [])).toEqual(sightings.length > 0 ? ['anna'] : []);

    const contacts = (await ask<Contact>('contacts', scope)).items;
    expect(source.contacts().map(({ identities }) => identities)).toEqual(
      contacts.map(({ identities }) => [...identities].sort()),
    );
    expect(contacts).toHaveLength(pairs);
    expect(readContacts(folder, 1, scope)).toEqual(source.contacts());
  } finally {
    source.close();
  }
});

test.each(cases)('%s: announcements and paths of nobody else', async (_what, scope, expected) => {
  const source = consoleOf(scope);
  try {
    const told = source.changesAfter(0, 1000).flatMap(({ changes }) => changes);
    const tracksOf = (change: IdentityChange): string[] =>
      change.kind === 'assigned' || change.kind === 'sighted' ? [change.track] : [];
    expect([...new Set(told.flatMap(tracksOf))].sort()).toEqual(expected);
    const moved = source.motion({ row: 0, files: new Map() });
    expect([...new Set(moved.map(({ track }) => track))].sort()).toEqual(expected);
    // One at a time: what is left out does not stop whoever follows.
    const oneByOne: IdentityChange[] = [];
    for (let at = 0; ;) {
      const [next] = source.changesAfter(at, 1);
      if (!next) break;
      oneByOne.push(...next.changes);
      at = next.sequence;
    }
    expect(oneByOne).toEqual(told);
  } finally {
    source.close();
  }
});
