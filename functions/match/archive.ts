// Answers questions about the past from a task's store, in one fixed order whatever the engine does: archiveThread.ts asks it.
import { NotFoundError, PermanentError } from '../function.ts';
import type { StoreDatabase } from './database.ts';
import type { Contact, Identity, Page, Sighting, Track, Whereabouts } from '../../config/queries/answers.ts';
import type { Values } from '../../config/queries/questions.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { pathsOf } from './archivedPaths.ts';

export interface ArchiveScope {
  /** Nothing outside of it is told. Seconds since the epoch. */
  window: { start?: number; end?: number };
  /** Nothing is told of anybody but the targets. */
  onlyTargets: boolean;
}

/** What a task lets be told of its store. */
export function scopeOf({ timing, match }: Pick<WorkerConfig, 'timing' | 'match'>): ArchiveScope {
  const { startS: start, endS: end } = timing?.window ?? {};
  return {
    window: { ...(start !== undefined && { start }), ...(end !== undefined && { end }) },
    onlyTargets: match.mode === 'SingleObject',
  };
}

/** Points of paths in one answer, about; a page ends early where there are more. */
const mostPoints = 50_000;

const contactOrder = 'contacts.first_seen, contacts.camera, contacts.track, other_camera, other_track';
const trackColumns = `camera, track, identity, first_seen AS "from", last_seen AS "to", observations, ended, score, margin, reason`;
export const isTarget =
  'identity IN (SELECT seen.identity FROM sightings JOIN tracks AS seen USING (camera, track))';

/** Of two tracks that one camera shows at one time only the more similar one is the target: nobody is in two places. */
export const isBest = `NOT EXISTS (SELECT 1 FROM sightings AS better
  JOIN tracks AS theirs ON theirs.camera = better.camera AND theirs.track = better.track
  WHERE better.target = sightings.target AND better.camera = sightings.camera
  AND theirs.first_seen <= tracks.last_seen AND theirs.last_seen >= tracks.first_seen
  AND coalesce(better.score, 0) > coalesce(sightings.score, 0))`;

export type TrackRow = Omit<Track, 'ended' | 'path'> & { ended: number };
export type Archive = ReturnType<typeof createArchive>;

/** @param database open for reading, of the newest version */
export function createArchive(database: StoreDatabase, scope: ArchiveScope) {
  function all<Row>(sql: string, ...values: unknown[]): Row[] {
    return database.prepare(sql).all(...values) as Row[];
  }

  /** Conditions on the tracks that a question is about, and their values. */
  function within({ from, to, camera }: Values, alias = ''): { where: string[]; values: unknown[] } {
    const { start = -Infinity, end = Infinity } = scope.window;
    const [least, most] = [Math.max(start, numberOr(from, -Infinity)), Math.min(end, numberOr(to, Infinity))];
    const where: string[] = [];
    const values: unknown[] = [];
    const add = (condition: string, value: unknown) => void (where.push(condition), values.push(value));
    if (least > -Infinity) add(`${alias}last_seen >= ?`, least);
    if (most < Infinity) add(`${alias}first_seen <= ?`, most);
    if (camera !== undefined) add(`${alias}camera = ?`, camera);
    return { where, values };
  }

  /** Conditions on the tracks that anything may be told of, and their values. */
  function told(alias = ''): { where: string[]; values: unknown[] } {
    const { where, values } = within({}, alias);
    return { where: scope.onlyTargets ? [...where, `${alias}${isTarget}`] : where, values };
  }

  /** The name that a person has now; a former one leads to it. @throws NotFoundError */
  function nameNow(identity: string): string {
    const isThere = (name: string) => all('SELECT 1 FROM tracks WHERE identity = ? LIMIT 1', name).length > 0;
    if (isThere(identity)) return isWanted(identity);
    const [now] = all<{ identity: string }>('SELECT identity FROM names WHERE former = ?', identity);
    if (now && isThere(now.identity)) return isWanted(now.identity);
    throw new NotFoundError(`nobody is called ${identity.slice(0, 50)} here, or no longer`);
  }

  function isWanted(identity: string): string {
    if (!scope.onlyTargets || targetsOf(identity).length > 0) return identity;
    throw new NotFoundError(`nobody is called ${identity.slice(0, 50)} here, or no longer`);
  }

  function targetsOf(identity: string): string[] {
    return all<{ target: string }>(
      'SELECT DISTINCT target FROM sightings JOIN tracks USING (camera, track) WHERE identity = ? ORDER BY target',
      identity,
    ).map(({ target }) => target);
  }

  function page<Row, Item>(
    rows: Row[],
    limit: number,
    key: (row: Row) => unknown[],
    item: (row: Row) => Item,
  ): Page<Item> {
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items: items.map(item), ...(rows.length > limit && last && { next: written(key(last)) }) };
  }

  function tracksWhere(where: string[], values: unknown[], asked: Values): Page<Track> {
    const limit = asked['limit'] as number;
    if (asked['after'] !== undefined) {
      where = [...where, '(first_seen, camera, track) > (?, ?, ?)'];
      values = [...values, ...readKey(asked['after'], ['number', 'string', 'string'])];
    }
    const sql = `SELECT ${trackColumns} FROM tracks ${clause(where)} ORDER BY first_seen, camera, track LIMIT ?`;
    let rows = all<TrackRow>(sql, ...values, limit + 1);
    const paths =
      asked['path'] === true ? rows.slice(0, limit).map((row) => () => pathsOf(database, row)) : [];
    const found: Track['path'][] = [];
    let points = 0;
    for (const read of paths) {
      const path = read();
      if (found.length > 0 && points + path.length > mostPoints) break;
      points += path.length;
      found.push(path);
    }
    // One row more than is told says that there is more.
    if (asked['path'] === true && found.length < Math.min(rows.length, limit))
      rows = rows.slice(0, found.length + 1);
    const told = asked['path'] === true ? found.length : limit;
    const result = page(rows, told, (row) => [row.from, row.camera, row.track], trackOf);
    result.items.forEach((item, i) => found[i] && (item.path = found[i]));
    return result;
  }

  function contactsWhere(where: string[], values: unknown[], most: number): ContactTold[] {
    const people = ['a.identity IS NOT NULL', 'b.identity IS NOT NULL', 'a.identity <> b.identity'];
    const only = scope.onlyTargets ? [`(a.${isTarget} OR b.${isTarget})`] : [];
    return all<ContactTold>(
      `SELECT a.identity AS one, b.identity AS other, contacts.camera AS camera, contacts.track AS track,
       other_camera AS otherCamera, other_track AS otherTrack, contacts.first_seen AS "from", contacts.last_seen AS "to",
       exposure AS exposureS, distance AS distanceM, deviation AS deviationM FROM contacts
       JOIN tracks AS a ON a.camera = contacts.camera AND a.track = contacts.track
       JOIN tracks AS b ON b.camera = other_camera AND b.track = other_track
       ${clause([...where, ...people, ...only])} ORDER BY ${contactOrder} LIMIT ?`,
      ...values,
      most,
    );
  }

  return {
    database,
    scope,
    all,
    within,
    told,
    targetsOf,
    identities(asked: Values): Page<Identity> {
      const limit = asked['limit'] as number;
      const { where, values } = within(asked);
      where.push('identity IS NOT NULL');
      if (scope.onlyTargets) where.push(isTarget);
      if (asked['target'] !== undefined) {
        where.push(
          `identity IN (SELECT seen.identity FROM sightings JOIN tracks AS seen USING (camera, track) WHERE target = ?)`,
        );
        values.push(asked['target']);
      }
      const after = asked['after'] === undefined ? [] : readKey(asked['after'], ['number', 'string']);
      const rows = all<Omit<Identity, 'cameras' | 'targets'> & { cameras: string }>(
        `SELECT identity, min(first_seen) AS firstSeen, max(last_seen) AS lastSeen, count(*) AS tracks,
         group_concat(DISTINCT camera) AS cameras FROM tracks ${clause(where)} GROUP BY identity
         ${after.length > 0 ? 'HAVING (min(first_seen), identity) > (?, ?)' : ''} ORDER BY firstSeen, identity LIMIT ?`,
        ...values,
        ...after,
        limit + 1,
      );
      return page(
        rows,
        limit,
        ({ firstSeen, identity }) => [firstSeen, identity],
        ({ identity, firstSeen, lastSeen, tracks, cameras }) => ({
          identity,
          targets: targetsOf(identity),
          firstSeen,
          lastSeen,
          cameras: cameras.split(',').sort(),
          tracks,
        }),
      );
    },
    identity(asked: Values): Whereabouts {
      const identity = nameNow(asked['identity'] as string);
      const { where, values } = within(asked);
      const found = tracksWhere([...where, 'identity = ?'], [...values, identity], asked);
      return { identity, targets: targetsOf(identity), ...found };
    },
    tracks(asked: Values): Page<Track> {
      const { where, values } = within(asked);
      return tracksWhere(scope.onlyTargets ? [...where, isTarget] : where, values, asked);
    },
    track(asked: Values): Track {
      const { camera, track } = asked;
      const { where, values } = within({});
      const only = scope.onlyTargets ? [isTarget] : [];
      const named = [...where, ...only, 'camera = ?', 'track = ?'];
      const rest = { ...asked, limit: 1 };
      const [found] = tracksWhere(named, [...values, camera, track], rest).items;
      if (!found) throw new NotFoundError(`camera ${String(camera)} has no such track here, or no longer`);
      return found;
    },
    sightings(asked: Values): Page<Sighting> {
      const limit = asked['limit'] as number;
      const { where, values } = within(asked, 'tracks.');
      where.push('identity IS NOT NULL', isBest);
      if (asked['target'] !== undefined) {
        where.push('target = ?');
        values.push(asked['target']);
      }
      if (asked['after'] !== undefined) {
        where.push('(first_seen, tracks.camera, tracks.track, target) > (?, ?, ?, ?)');
        values.push(...readKey(asked['after'], ['number', 'string', 'string', 'string']));
      }
      const rows = all<Sighting>(
        `SELECT target, identity, tracks.camera AS camera, tracks.track AS track, first_seen AS "from", last_seen AS "to",
         sightings.score AS score, sightings.margin AS margin, sightings.reason AS reason
         FROM sightings JOIN tracks ON tracks.camera = sightings.camera AND tracks.track = sightings.track ${clause(where)}
         ORDER BY first_seen, tracks.camera, tracks.track, target LIMIT ?`,
        ...values,
        limit + 1,
      );
      return page(
        rows,
        limit,
        ({ from, camera, track, target }) => [from, camera, track, target],
        (row) => ({ ...row }),
      );
    },
    contacts(asked: Values): Page<Contact> {
      const limit = asked['limit'] as number;
      const { where, values } = within({ from: asked['from'], to: asked['to'] }, 'contacts.');
      where.push('exposure >= ?');
      values.push(asked['minimumS']);
      if (asked['identity'] !== undefined) {
        const identity = nameNow(asked['identity'] as string);
        where.push('(a.identity = ? OR b.identity = ?)');
        values.push(identity, identity);
      }
      if (asked['after'] !== undefined) {
        where.push(`(${contactOrder}) > (?, ?, ?, ?, ?)`);
        values.push(...readKey(asked['after'], ['number', 'string', 'string', 'string', 'string']));
      }
      return page(
        contactsWhere(where, values, limit + 1),
        limit,
        (row) => [row.from, row.camera, row.track, row.otherCamera, row.otherTrack],
        contactOfRow,
      );
    },
    /** By their beginning, however short they were. */
    allContacts(): Contact[] {
      const { where, values } = within({}, 'contacts.');
      return contactsWhere(where, values, 2 ** 31 - 1).map(contactOfRow);
    },
    bounds() {
      const { where, values } = told();
      const [row] = all<{ from: number | null; to: number | null; tracks: number; identities: number }>(
        `SELECT min(first_seen) AS "from", max(last_seen) AS "to", count(*) AS tracks,
         count(DISTINCT identity) AS identities FROM tracks ${clause(where)}`,
        ...values,
      );
      return { ...row! };
    },
  };
}

interface ContactTold {
  one: string;
  other: string;
  camera: string;
  track: string;
  otherCamera: string;
  otherTrack: string;
  from: number;
  to: number;
  exposureS: number;
  distanceM: number | null;
  deviationM: number | null;
}

function contactOfRow({ one, other, camera, track, otherCamera, otherTrack, ...rest }: ContactTold): Contact {
  return {
    identities: [one, other],
    tracks: [
      { camera, track },
      { camera: otherCamera, track: otherTrack },
    ],
    ...rest,
  };
}

/** The columns alone: the engine adds how long it took. */
export function trackOf(row: TrackRow): Track {
  const { camera, track, identity, from, to, observations, ended, score, margin, reason } = row;
  return { camera, track, identity, from, to, observations, ended: ended === 1, score, margin, reason };
}

function clause(where: readonly string[]): string {
  return where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
}

function numberOr(value: Values[string], otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function written(key: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws PermanentError for what no answer gave */
function readKey(text: Values[string], types: readonly ('number' | 'string')[]): unknown[] {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(String(text), 'base64url').toString());
  } catch {
    key = undefined;
  }
  const isKey =
    Array.isArray(key) && key.length === types.length && key.every((part, i) => typeof part === types[i]);
  if (!isKey) throw new PermanentError('after: give `next` of the answer before, as it is');
  return key as unknown[];
}
