// Takes one person out of the files that a run left beside its store: results, boxes, pictures, videos, logs. forget.ts calls it.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErasedChange } from '../config/events.ts';
import { withoutNames } from '../functions/erasedPerson.ts';
import { fileChangeLog, rewriteLines } from '../functions/status/changeLog.ts';

const resultFiles = ['identities.jsonl', 'sightings.jsonl', 'contacts.jsonl'];

/** May be done again after it was stopped halfway. */
export async function forgetFiles(folder: string, change: ErasedChange): Promise<void> {
  const names = [change.identity, ...change.names];
  const number = await numberOf(folder, names);
  for (const [camera, tracks] of byCamera(change.tracks))
    await forgetCamera(join(folder, 'cameras', camera), tracks, number);
  await fileChangeLog(folder).erase(change);
  const isAbout = mentions(names, change.tracks);
  const rewrite = (line: string) => (isAbout(line) ? undefined : withoutNames(line, names));
  const logs = (await readdir(join(folder, 'workers')).catch(() => [])).filter((name) =>
    name.endsWith('.log'),
  );
  for (const file of [...logs.map((name) => join('workers', name)), ...resultFiles])
    await rewriteLines(join(folder, file), rewrite);
}

/** The boxes; and every picture and video that shows the person. */
async function forgetCamera(
  folder: string,
  tracks: ReadonlySet<string>,
  number: number | undefined,
): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  const isTrack = (line: string) => tracks.has(line.split(',')[2] ?? '');
  const isNumber = (line: string) => number !== undefined && line.split(',')[1] === String(number);
  await rewriteLines(join(folder, 'tracks.csv'), (line) => (isTrack(line) ? undefined : line));
  await rewriteLines(join(folder, 'mot.txt'), (line) => (isNumber(line) ? undefined : line));
  for (const file of files.filter((name) => name.startsWith('annotated.')))
    await rm(join(folder, file), { force: true });
  const boxes = await readFile(join(folder, 'picture.json'), 'utf8').catch(() => '{}');
  const { boxes: shown = [] } = JSON.parse(boxes) as { boxes?: { track: string }[] };
  if (!shown.some(({ track }) => tracks.has(track))) return;
  for (const file of ['picture.jpg', 'picture.json']) await rm(join(folder, file), { force: true });
}

/** Number of the person in the result files, where these were written. */
async function numberOf(folder: string, names: readonly string[]): Promise<number | undefined> {
  const text = await readFile(join(folder, 'identities.jsonl'), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    const { identity, number } = (line === '' ? {} : JSON.parse(line)) as {
      identity?: string;
      number?: number;
    };
    if (identity !== undefined && names.includes(identity)) return number;
  }
  return undefined;
}

/** Whether a JSON line names the person, or one of the tracks, anywhere but in a sentence. */
function mentions(names: readonly string[], tracks: ErasedChange['tracks']): (line: string) => boolean {
  const called = new Set(names);
  const own = new Set(tracks.map(({ camera, track }) => `${camera}/${track}`));
  const isAbout = (value: unknown): boolean => {
    if (typeof value === 'string') return called.has(value);
    if (typeof value !== 'object' || value === null) return false;
    const { camera, track } = value as { camera?: unknown; track?: unknown };
    if (typeof camera === 'string' && typeof track === 'string' && own.has(`${camera}/${track}`)) return true;
    return Object.values(value).some(isAbout);
  };
  return (line) => {
    try {
      return isAbout(JSON.parse(line));
    } catch {
      return false;
    }
  };
}

function byCamera(tracks: ErasedChange['tracks']): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { camera, track } of tracks) found.set(camera, (found.get(camera) ?? new Set()).add(track));
  return found;
}
