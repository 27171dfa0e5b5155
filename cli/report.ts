// What `mei run` leaves behind and prints at the end: result files, annotated pictures, the summary table.
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import type { Status } from '../config/schema/status.ts';
import {
  readContacts,
  readIdentities,
  readSightings,
  type Identity,
  type TargetSighting,
} from '../functions/match/export.ts';
import type { ContactsOfPair } from '../functions/match/contactPairs.ts';
import { consoleCommandOf } from './console.ts';
import { annotatePicture, annotateVideo } from './annotate.ts';
import type { ProgressStyle } from './progress.ts';
import {
  numberIdentities,
  writeContacts,
  writeIdentities,
  writeMot,
  writeSightings,
  type IdentityNumbers,
} from './results.ts';

export interface Run {
  task: Task;
  out: string;
  status: Status;
  video: boolean;
  style: ProgressStyle;
}

export async function writeResults(run: Run): Promise<void> {
  const { out, task, style } = run;
  const found = findingsOf(out, task);
  const { identities, contacts, sightings } = found;
  const numbers = numberIdentities(identities);
  await writeIdentities(join(out, 'identities.jsonl'), identities);
  if (sightings) await writeSightings(join(out, 'sightings.jsonl'), sightings, identities);
  if (contacts) await writeContacts(join(out, 'contacts.jsonl'), contacts, identities);
  for (const camera of task.spec.cameras) {
    const folder = join(out, 'cameras', camera.id);
    const ofCamera = numbers.get(camera.id) ?? new Map<string, number>();
    if (!(await readdir(folder).catch(() => undefined))) continue;
    await writeMot(folder, ofCamera);
    await annotatePicture(folder, ofCamera);
    if (run.video && sourceTypeOf(camera.source) === 'File')
      await annotateVideo(camera, folder, ofCamera, style);
  }
  if (style === 'json') {
    const lists = Object.entries(found) as [string, unknown[]][];
    const counts = lists.map(([name, list]) => [name, list.length] as const);
    console.log(JSON.stringify({ type: 'result', out, ...Object.fromEntries(counts) }));
  } else {
    printSummary(run, identities, numbers);
    if (sightings) printSightings(run, sightings, identities);
    if (contacts) printContacts(run, contacts);
  }
}

export interface Findings {
  identities: Identity[];
  contacts?: ContactsOfPair[];
  sightings?: TargetSighting[];
}

/** What the task asked for, nothing outside of its window, and nothing about others where it asked for targets alone. */
export function findingsOf(out: string, { spec }: Task): Findings {
  const scope = { window: windowOf(spec), onlyTargets: spec.tracking.mode === 'SingleObject' };
  return {
    identities: readIdentities(out, scope),
    ...(spec.targets.length > 0 && { sightings: readSightings(out, scope) }),
    ...(spec.closeContact && { contacts: readContacts(out, spec.closeContact.minimumSeconds, scope) }),
  };
}

function windowOf({ timing }: Task['spec']): { start?: number; end?: number } {
  const { start, end } = timing.window ?? {};
  return {
    ...(start !== undefined && { start: Date.parse(start) / 1000 }),
    ...(end !== undefined && { end: Date.parse(end) / 1000 }),
  };
}

function printSummary(run: Run, identities: Identity[], numbers: IdentityNumbers): void {
  const cameras = run.task.spec.cameras.map((camera) => camera.id);
  const rows = identities.map((identity, index) => [
    String(index + 1),
    ...cameras.map((camera) => seconds(identity, camera)),
    clock(identity.firstSeen),
    clock(identity.lastSeen),
  ]);
  const several = identities.filter(
    (identity) => new Set(identity.tracks.map(({ camera }) => camera)).size > 1,
  ).length;
  console.log();
  if (rows.length > 0) printTable(['person', ...cameras, 'first seen', 'last seen'], rows.slice(0, maxRows));
  if (rows.length > maxRows) console.log(`... and ${rows.length - maxRows} more`);
  const tracks = [...numbers.values()].reduce((sum, ofCamera) => sum + ofCamera.size, 0);
  console.log(
    `\n${identities.length} people in ${tracks} tracks of ${cameras.length} cameras; ${several} were seen by more than one camera.`,
  );
  const nearby = relative('.', run.out);
  const folder = nearby === '' ? '.' : nearby.startsWith('..') ? run.out : nearby;
  const hasVideo = run.video && run.task.spec.cameras.some(({ source }) => sourceTypeOf(source) === 'File');
  console.log(
    `Look at ${folder}/cameras/*/annotated.jpg${hasVideo ? ' and annotated.mp4' : ''}, read ${folder}/identities.jsonl`,
  );
  console.log(`See it in the browser again: ${consoleCommandOf(folder)}`);
}

function printSightings(run: Run, sightings: TargetSighting[], identities: Identity[]): void {
  const numbers = new Map(identities.map(({ identity }, index) => [identity, index + 1]));
  console.log();
  for (const { name } of run.task.spec.targets) {
    const own = sightings.filter(({ target }) => target === name);
    if (own.length === 0) console.log(`target ${name}: not seen`);
    for (const { identity, camera, from, to, score } of own)
      console.log(
        `target ${name}: person ${numbers.get(identity)} in ${camera}, ${clock(from)} to ${clock(to)}, similarity ${score?.toFixed(2)}`,
      );
  }
  const unknown = run.status.output?.taskInfo?.findUnknownObject === true;
  console.log(
    unknown ? 'Others were seen who are none of the targets.' : 'Nobody was seen who is none of the targets.',
  );
}

function printContacts({ out, task }: Run, contacts: ContactsOfPair[]): void {
  const { minimumSeconds } = task.spec.closeContact!;
  const total = contacts.reduce((sum, { exposureS }) => sum + exposureS, 0);
  const long = total < 120 ? `${total.toFixed(1)} s` : `${(total / 60).toFixed(1)} min`;
  const what = contacts.length === 1 ? '1 pair of people was' : `${contacts.length} pairs of people were`;
  console.log(
    `${what} in close contact for ${minimumSeconds} s or longer, ${long} together: read ${join(relative('.', out) || '.', 'contacts.jsonl')}`,
  );
}

const maxRows = 40;

function seconds(identity: Identity, camera: string): string {
  const tracks = identity.tracks.filter((track) => track.camera === camera);
  if (tracks.length === 0) return '-';
  const total = tracks.reduce((sum, { from, to }) => sum + to - from, 0);
  return `${total.toFixed(1)} s`;
}

function clock(time: number): string {
  return new Date(time * 1000).toISOString().slice(11, 21);
}

function printTable(header: string[], rows: string[][]): void {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) => console.log(cells.map((cell, i) => cell.padStart(widths[i]!)).join('  '));
  line(header);
  line(widths.map((width) => '-'.repeat(width)));
  rows.forEach(line);
}
