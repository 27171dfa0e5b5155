// What `mei run` leaves behind and prints at the end: result files, annotated pictures, the summary table.
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Task } from '../config/schema/resource.ts';
import { sourceTypeOf } from '../config/schema/source.ts';
import type { Status } from '../config/schema/status.ts';
import {
  readContacts,
  readIdentities,
  type ContactsOfPair,
  type Identity,
} from '../functions/match/export.ts';
import { annotatePicture, annotateVideo } from './annotate.ts';
import type { ProgressStyle } from './progress.ts';
import {
  numberIdentities,
  writeContacts,
  writeIdentities,
  writeMot,
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
  const identities = readIdentities(run.out);
  const numbers = numberIdentities(identities);
  await writeIdentities(join(run.out, 'identities.jsonl'), identities);
  const { closeContact } = run.task.spec;
  const contacts = closeContact && readContacts(run.out, closeContact.minimumSeconds);
  if (contacts) await writeContacts(join(run.out, 'contacts.jsonl'), contacts, identities);
  for (const camera of run.task.spec.cameras) {
    const folder = join(run.out, 'cameras', camera.id);
    const ofCamera = numbers.get(camera.id) ?? new Map<string, number>();
    if (!(await readdir(folder).catch(() => undefined))) continue;
    await writeMot(folder, ofCamera);
    await annotatePicture(folder, ofCamera);
    if (run.video && sourceTypeOf(camera.source) === 'File')
      await annotateVideo(camera, folder, ofCamera, run.style);
  }
  if (run.style === 'json')
    console.log(
      JSON.stringify({
        type: 'result',
        out: run.out,
        identities: identities.length,
        ...(contacts && { contacts: contacts.length }),
      }),
    );
  else {
    printSummary(run, identities, numbers);
    if (contacts) printContacts(run, contacts);
  }
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
