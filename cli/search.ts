// `mei search`: where somebody was between two times, from the store of a run or of a match worker.
import { readFile, stat } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Found, Identity, Page, SearchResult, Track, Whereabouts } from '../config/queries/answers.ts';
import { readTime } from '../config/queries/questions.ts';
import { mostPictureBytes } from '../config/queries/routes.ts';
import { openAsked, type Asked, type Body } from './ask.ts';
import { exitCodes, UserError } from './userError.ts';

interface SearchOptions {
  out?: string;
  url?: string;
  tokenFile?: string;
  identity?: string;
  track?: string;
  picture?: string;
  from?: number;
  to?: number;
  camera?: string;
  limit: number;
  path: boolean;
  json: boolean;
}

export function searchCommand(): Command {
  return new Command('search')
    .description(
      'Say where somebody was, and when: by name, by track, or by picture; without any of them, who was there',
    )
    .option('-o, --out <folder>', 'of a run, such as out/two-cameras/latest')
    .option('--url <address>', 'of a match worker')
    .option('--token-file <file>', 'with the token for --url; otherwise MEI_TOKEN is used')
    .option('--identity <name>', 'of the person, such as p-8f2k1v9x0a')
    .option('--track <camera/track>', 'whoever looks like the person of this track')
    .option(
      '--picture <file>',
      'whoever looks like the person in this picture, cut out so that only this person is in it',
    )
    .option('--from <time>', 'seen at or after it: RFC 3339 or seconds since the epoch', time)
    .option('--to <time>', 'seen at or before it', time)
    .option('--camera <id>', 'only this camera')
    .option('--limit <number>', 'rows at most', rows, 1000)
    .option('--path', 'with --identity and --json: the points where the person was', false)
    .option('--json', 'print JSON lines instead of a table', false)
    .addHelpText(
      'after',
      `
The same question about the same store gets the same answer. docs/history.md explains similarity and times.

Examples:
  $ mei search --out out/two-cameras/latest
  $ mei search --out out/two-cameras/latest --picture anna.jpg
  $ mei search --out out/two-cameras/latest --from 2026-03-01T08:00:00Z --to 2026-03-01T09:00:00Z --json
  $ kubectl port-forward service/shop-match 8080:80 &
  $ mei search --url http://127.0.0.1:8080 --token-file chief.token --identity p-8f2k1v9x0a`,
    )
    .action(search);
}

async function search(options: SearchOptions): Promise<void> {
  const { identity, track, picture } = options;
  if ([identity, track, picture].filter((given) => given !== undefined).length > 1)
    throw new UserError('give one of --identity, --track and --picture', exitCodes.badInput);
  const asked = await openAsked(options);
  try {
    if (identity !== undefined) await tellWhereabouts(asked, identity, options);
    else if (track !== undefined) await tellFound(asked, trackBody(track), options);
    else if (picture !== undefined) await tellFound(asked, await pictureBody(picture), options);
    else await tellIdentities(asked, options);
  } finally {
    await asked.close();
  }
}

async function tellWhereabouts(asked: Asked, identity: string, options: SearchOptions): Promise<void> {
  const path = `/identities/${encodeURIComponent(identity)}`;
  const tracks = await pages<Track>(asked, path, options, options.path ? { path: 'true' } : {});
  const rows = tracks.map((each) => [...whereOf(each), each.score?.toFixed(2) ?? '-', each.reason ?? '']);
  tell(options, tracks, ['person', 'camera', 'track', 'from', 'to', 'score', 'why'], rows);
}

async function tellIdentities(asked: Asked, options: SearchOptions): Promise<void> {
  const people = await pages<Identity>(asked, '/identities', options);
  const rows = people.map(({ identity, targets, firstSeen, lastSeen, cameras, tracks }) => [
    identity,
    targets.join(' ') || '-',
    clock(firstSeen),
    clock(lastSeen),
    String(tracks),
    cameras.join(' '),
  ]);
  tell(options, people, ['person', 'target', 'first seen', 'last seen', 'tracks', 'cameras'], rows);
}

async function tellFound(asked: Asked, body: Body, options: SearchOptions): Promise<void> {
  const query = queryOf(options, Math.min(1000, options.limit));
  const { items } = await asked.ask<SearchResult>('POST', '/search', query, body);
  const rows = items.flatMap((found) =>
    found.tracks.map((each) => [...whereOf(each), each.similarity.toFixed(2), verdict(found)]),
  );
  tell(options, items, ['person', 'camera', 'track', 'from', 'to', 'similarity', ''], rows);
}

function verdict({ isSame }: Found): string {
  return isSame ? 'the same person' : 'less similar than the task asks for';
}

/** All pages up to the limit. */
async function pages<T>(asked: Asked, path: string, options: SearchOptions, more = {}): Promise<T[]> {
  const found: T[] = [];
  for (let after: string | undefined; ;) {
    const query = queryOf(options, Math.min(1000, options.limit - found.length));
    for (const [name, value] of Object.entries<string>(more)) query.set(name, value);
    if (after !== undefined) query.set('after', after);
    const page = await asked.ask<Page<T> | (Whereabouts & Page<T>)>('GET', path, query);
    found.push(...page.items);
    after = page.next;
    if (after === undefined || found.length >= options.limit) return found;
  }
}

function queryOf({ from, to, camera }: SearchOptions, limit: number): URLSearchParams {
  const given = { from, to, camera, limit };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return new URLSearchParams(Object.fromEntries(entries.map(([name, value]) => [name, String(value)])));
}

function trackBody(track: string): Body {
  const at = track.indexOf('/');
  if (at <= 0) throw new UserError(`--track ${track}: must be <camera>/<track>`, exitCodes.badInput);
  const asked = { camera: track.slice(0, at), track: track.slice(at + 1) };
  return { contentType: 'application/json', bytes: Buffer.from(JSON.stringify(asked)) };
}

async function pictureBody(path: string): Promise<Body> {
  try {
    const { size } = await stat(path);
    if (size > mostPictureBytes)
      throw new Error(
        `it has ${size} bytes, at most ${mostPictureBytes} are looked at: cut the person out of it`,
      );
    const bytes = await readFile(path);
    const type = bytes[0] === 0xff ? 'jpeg' : bytes[0] === 0x89 ? 'png' : 'webp';
    return { contentType: `image/${type}`, bytes };
  } catch (cause) {
    throw new UserError(`--picture ${path}: ${(cause as Error).message}`, exitCodes.badInput, { cause });
  }
}

function whereOf({ identity, camera, track, from, to }: Track): string[] {
  return [identity ?? '-', camera, track, clock(from), clock(to)];
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/0*Z$/, 'Z').replace('.Z', 'Z');
}

function tell({ json }: SearchOptions, items: readonly unknown[], header: string[], rows: string[][]): void {
  if (json) return items.forEach((item) => console.log(JSON.stringify(item)));
  if (rows.length === 0) return console.log('nobody');
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    console.log(
      cells
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    );
  line(header);
  line(widths.map((width) => '-'.repeat(width)));
  rows.forEach(line);
}

function time(text: string): number {
  const seconds = readTime(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('give RFC 3339, such as 2026-03-01T08:00:00Z, or seconds since the epoch');
  return seconds;
}

function rows(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 100_000)
    throw new InvalidArgumentError('give a whole number from 1 to 100000');
  return number;
}
