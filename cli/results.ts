// Writes what a run found, for people and for other tools. Called by `mei run` once the workers have stopped.
import { createReadStream } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { writeTextFile } from './textFile.ts';
import type { ContactsOfPair } from '../functions/match/contactPairs.ts';
import type { Identity, TargetSighting } from '../functions/match/export.ts';

/** One box of one person in one frame of one camera. */
export interface Sighting {
  sequence: number;
  track: string;
  /** left top width height, pixels */
  box: [number, number, number, number];
  score: number;
}

/** Camera -> track -> number of the identity, 1, 2, ... in the order of first appearance. */
export type IdentityNumbers = Map<string, Map<string, number>>;

export function numberIdentities(identities: Identity[]): IdentityNumbers {
  const numbers: IdentityNumbers = new Map();
  identities.forEach((identity, index) => {
    for (const { camera, track } of identity.tracks) {
      const ofCamera = numbers.get(camera) ?? new Map<string, number>();
      ofCamera.set(track, index + 1);
      numbers.set(camera, ofCamera);
    }
  });
  return numbers;
}

/** Writes identities.jsonl: one identity a line, with its number, its tracks and why they belong together. */
export async function writeIdentities(path: string, identities: Identity[]): Promise<void> {
  const lines = identities.map((identity, index) => JSON.stringify({ number: index + 1, ...identity }));
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
}

/** Writes sightings.jsonl: one track of one target a line, with the number that the person has elsewhere. */
export async function writeSightings(
  path: string,
  sightings: TargetSighting[],
  identities: Identity[],
): Promise<void> {
  const numbers = new Map(identities.map(({ identity }, index) => [identity, index + 1]));
  const lines = sightings.map((each) => JSON.stringify({ number: numbers.get(each.identity), ...each }));
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
}

/** Writes contacts.jsonl: one pair of people a line, longest exposure first, with the numbers that they have elsewhere. */
export async function writeContacts(
  path: string,
  contacts: ContactsOfPair[],
  identities: Identity[],
): Promise<void> {
  const numbers = new Map(identities.map(({ identity }, index) => [identity, index + 1]));
  const lines = contacts.map((contact) =>
    JSON.stringify({ numbers: contact.identities.map((identity) => numbers.get(identity)), ...contact }),
  );
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
}

/** Reads a camera's tracks.csv in order; nothing when the camera never gave a frame. */
export async function* readSightings(cameraFolder: string): AsyncGenerator<Sighting> {
  const path = join(cameraFolder, 'tracks.csv');
  if (!(await exists(path))) return;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line === '' || line.startsWith('#')) continue;
    const [sequence, , track, left, top, width, height, score] = line.split(',');
    yield {
      sequence: Number(sequence),
      track: track!,
      box: [Number(left), Number(top), Number(width), Number(height)],
      score: Number(score),
    };
  }
}

/**
 * The boxes of a camera as lines of MOTChallenge (frame,id,left,top,width,height,confidence,-1,-1,-1) with identity numbers
 * as ids. Tracks that got no identity are left out.
 */
export async function* readMotLines(
  cameraFolder: string,
  numbers: ReadonlyMap<string, number>,
): AsyncGenerator<string> {
  for await (const { sequence, track, box, score } of readSightings(cameraFolder)) {
    const number = numbers.get(track);
    if (number !== undefined) yield `${sequence},${number},${box.join(',')},${score},-1,-1,-1\n`;
  }
}

/** Writes a camera's mot.txt; returns how many boxes were written. */
export async function writeMot(cameraFolder: string, numbers: Map<string, number>): Promise<number> {
  return writeTextFile(join(cameraFolder, 'mot.txt'), readMotLines(cameraFolder, numbers));
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
