// The store of one task: everything the matcher must not forget, written before an event is acknowledged.
// Opened by handler.ts; export.ts reads the same.
import { decode, encode } from 'cbor-x';
import type { ErasedChange, IdentityChange } from '../../config/events.ts';
import type { Erased } from '../../config/queries/answers.ts';
import type { TransientError } from '../function.ts';
import type { CameraClock, Waiting } from './core/arrival.ts';
import type { Contact, TrackName } from './core/contacts.ts';
import type { Delta, Learned } from './core/matcher.ts';
import type { Revision } from './core/revise.ts';
import { isOpen, traceKey, type Appearance, type Trace } from './core/trace.ts';
import { compact, giveRoomBack } from './compaction.ts';
import { guarded, openDatabase, type StorePlace } from './database.ts';
import { erase, forgottenKey } from './erasure.ts';
import { fenceOf } from './lease.ts';
import { InDoubtError } from './termErrors.ts';
import { contactOf, revisionOf, type ContactRow, type PathRow } from './rows.ts';
import { statements, type Statements } from './statements.ts';

export { storeFileName } from './database.ts';

/** Ends of streams that are remembered: years of them. */
const mostReceived = 10_000;

/** The event that caused a change, by its CloudEvents identity. */
export interface Cause {
  source: string;
  id: string;
}

/** One transaction's worth of news. */
export interface Commit extends Delta {
  /** Revisions that were taken and still wait. */
  queued: Waiting[];
  clocks: Map<string, CameraClock>;
  cause: Cause;
  /** Events that are known by their source and id from now on. */
  received: Cause[];
  contacts: Contact[];
  /** Those of `changes` that the event tells others. */
  announced: IdentityChange[];
  /** Whether anybody was seen who is none of the targets. */
  unknownSeen: boolean;
}

export interface Totals {
  tracks: number;
  identities: number;
  merged: number;
  split: number;
  /** Identities that were recognised as a target. */
  targets: number;
  unknownSeen: boolean;
  /** Seconds since the epoch; null while nothing was seen. */
  firstSeen: number | null;
  lastSeen: number | null;
}

/** The matcher's memory. */
export interface Recovered {
  traces: Trace[];
  clocks: Map<string, CameraClock>;
  waiting: Waiting[];
  learned?: Learned;
}

export interface Heard {
  newest: number;
  wallMs: number;
}

/** Where a reader of all tracks is, in the order of first appearance. */
export type ArchivePlace = readonly [from: number, camera: string, track: string];

/** A track that the matcher may have forgotten. */
export interface ArchivedTrack {
  camera: string;
  track: string;
  model: string;
  identity: string;
  from: number;
  to: number;
  appearances: Appearance[];
}

export interface Store {
  /** Newest revision of a track that was applied; 0 for an unknown track. Those that wait are in the matcher's memory. */
  revision(camera: string, track: string): number;
  /** Writes all of it or nothing. @throws TransientError that names the place; LeaseLostError, as all that writes */
  commit(commit: Commit): void;
  /** Whether the event was among those that a commit called received. */
  isReceived(event: Cause): boolean;
  /** The newest announcements, the oldest first: those that a killed process may not have told anybody. */
  recentlyAnnounced(most: number): { cause: Cause; changes: IdentityChange[] }[];
  /** What was announced because of an event; nothing when nothing was. */
  announced(cause: Cause): IdentityChange[];
  recover(): Recovered;
  /** Contacts that ended after `time`, and the paths since then, in the order in which they were stored. */
  recentContacts(time: number): { revisions: Revision[]; contacts: Contact[] };
  /** Of a track that the matcher has forgotten; undefined when nobody knew. */
  identityOf(track: TrackName): string | undefined;
  /** What was recognised lately, and whose tracks these are. */
  sightings(): { sightings: { target: string; camera: string; track: string }[]; identities: string[] };
  /** Vectors of query pictures, by digest of picture and model. */
  vectorOf(picture: string, model: string): Float32Array | undefined;
  /** @throws TransientError that names the place */
  keepVector(picture: string, model: string, vector: Float32Array): void;
  totals(): Totals;
  /**
   * Removes results of tracks that were last seen before `resultsBefore` and vectors that are older than `vectorsBefore`, at most
   * some thousand rows a call, and gives their room back to the disk. @returns whether there is more
   */
  expire(resultsBefore: number, vectorsBefore: number): boolean;
  /** The newest media time that was heard, and by which wall clock; undefined before anything was. */
  heard(): Heard | undefined;
  keepHeard(heard: Heard): void;
  /** Whether the track was of a person who was erased. */
  isForgotten(camera: string, track: string): boolean;
  /** Whether the query picture was. */
  isForgottenPicture(picture: string): boolean;
  /** Erases a person; `compact` has to follow. @param time of the store's clock @throws NotFoundError */
  erase(identity: string, time: number): Erased;
  /** Sees to it that nothing is left of what was erased since, if anything was. @throws TransientError while it cannot be done */
  compact(): void;
  /** Erasures that subscribers may not have heard of. */
  untoldErasures(): { sequence: number; change: ErasedChange }[];
  erasureTold(sequence: number): void;
  /** Query pictures that only the store has. */
  ownPictures(): { target: string; picture: string; bytes: Uint8Array }[];
  ownPictureNames(): { target: string; picture: string }[];
  keepPicture(target: string, picture: string, bytes: Uint8Array): void;
  dropPictures(target: string): void;
  /** Which query pictures the task has now; vectors of others are forgotten. */
  notePictures(pictures: readonly { target: string; picture: string }[]): void;
  /** Tracks after a place in their order, with their vectors, for who is looked for later. */
  archived(after: ArchivePlace, within: { from: number; to: number }, most: number): ArchivedTrack[];
  /** @throws TransientError while it cannot be written */
  check(): void;
  close(): void;
}

/**
 * Opens or makes the store of a task. @param epoch number of the term in which it is written; absent: as long as
 * nobody ever had the lease. @throws TransientError that names the place
 */
export function openStore(place: StorePlace, epoch?: number): Store {
  // FULL: whoever sent an event forgets it once it is acknowledged, so a power cut here must not lose it either.
  const database = openDatabase(place, { synchronous: 'FULL', busyTimeoutMs: 5000 });
  const sql = statements(database);
  const checkTerm = fenceOf(database, epoch);
  const owned = database.transaction((write: () => void) => {
    checkTerm();
    write();
  });
  let failure: TransientError | undefined;
  /** All that writes goes through here: in one transaction with the question whether this worker still may. */
  function writing(write: () => void): void {
    // What is in memory may be stored already: nothing may be added to it.
    if (failure instanceof InDoubtError) throw failure;
    try {
      guarded(place, () => void owned.immediate(write));
    } catch (error) {
      if (error instanceof InDoubtError) failure = error;
      throw error;
    }
  }
  let totals: Totals | undefined;
  const expiring = [
    sql.expireTracks,
    sql.expirePaths,
    sql.expireContacts,
    sql.expireSightings,
    sql.expireEvents,
    sql.expireNames,
    sql.expireForgotten,
  ];
  let anyForgotten: boolean | undefined;

  function isForgotten(name: string): boolean {
    anyForgotten ??= database.prepare('SELECT 1 FROM forgotten LIMIT 1').get() !== undefined;
    return anyForgotten && sql.forgotten.get(forgottenKey(database, name)) !== undefined;
  }

  function write(commit: Commit): void {
    const { queued, applied, touched, removed, changes, clocks, cause, received, contacts } = commit;
    const { announced, unknownSeen } = commit;
    for (const { revision, order } of applied) sql.dropWaiting.run(revision.camera, order);
    for (const waiting of queued) {
      const { camera, tracklet } = waiting.revision;
      sql.putWaiting.run(camera, waiting.order, tracklet.track, tracklet.revision, encode(waiting));
    }
    for (const { revision } of applied) {
      const { camera, model, image, tracklet } = revision;
      const { track, from, to, observations, phase, path } = tracklet;
      sql.putTrack.run(
        camera,
        track,
        model,
        tracklet.revision,
        from,
        to,
        observations,
        phase === 'end' ? 1 : 0,
      );
      if (path.length > 0) {
        const { width, height } = image;
        sql.putPath.run(camera, track, tracklet.revision, from, to, width, height, bytesOf(path));
      }
      for (const { slot, vector, scale, quality, weight, time } of tracklet.prototypes) {
        sql.putPrototype.run(camera, track, slot, bytesOf(vector), scale, quality, weight, time);
      }
    }
    for (const { a, b, from, to, exposureS, distanceM, deviationM } of contacts)
      sql.putContact.run(a.camera, a.track, b.camera, b.track, from, to, exposureS, distanceM, deviationM);
    for (const key of removed) sql.dropTrace.run(key);
    for (const trace of touched) {
      sql.putTrace.run(traceKey(trace.camera, trace.track), encode(trace));
      if (!isOpen(trace)) sql.endTrack.run(trace.camera, trace.track);
    }
    for (const { source, id } of received) sql.putReceived.run(source, id);
    if (received.length > 0) sql.trimReceived.run(mostReceived);
    for (const change of changes) apply(change);
    if (announced.length > 0)
      sql.putEvent.run(cause.source, cause.id, announced[0]!.time, JSON.stringify(announced));
    if (unknownSeen) sql.putUnknown.run();
    if (commit.learned) sql.putLearned.run(JSON.stringify(commit.learned));
    for (const [camera, { turn, order, ended }] of clocks) {
      sql.putCamera.run(camera, Number.isFinite(turn) ? turn : null, order, ended ? 1 : 0);
    }
  }

  function apply(change: IdentityChange): void {
    if (change.kind === 'contact' || change.kind === 'erased') return;
    const { identity, score, margin, reason } = change;
    if (change.kind === 'sighted')
      sql.putSighting.run(change.target, change.camera, change.track, score, margin, reason, change.time);
    else if (change.kind === 'assigned')
      sql.assign.run(identity, score, margin, reason, change.camera, change.track);
    else if (change.kind === 'merged') {
      sql.count.run('merged');
      sql.rename.run(identity, change.from);
      sql.renameNames.run(identity, change.time, change.from);
      sql.dropName.run(identity);
      sql.putName.run(change.from, identity, change.time);
    } else if (change.kind === 'split') {
      sql.count.run('split');
      for (const { camera, track } of change.tracks)
        sql.assign.run(change.to, score, margin, reason, camera, track);
    }
  }

  return {
    revision(camera, track) {
      const row = sql.revision.get(camera, track) as { revision: number } | undefined;
      return row?.revision ?? 0;
    },
    commit(commit) {
      try {
        writing(() => write(commit));
        failure = undefined;
        if (commit.applied.length > 0 || commit.changes.length > 0) totals = undefined;
      } catch (error) {
        failure = error as TransientError;
        throw error;
      }
    },
    isReceived: ({ source, id }) => sql.received.get(source, id) !== undefined,
    recentlyAnnounced(most) {
      const rows = sql.recentEvents.all(most) as (Cause & { changes: string })[];
      return rows.map(({ source, id, changes }) => ({
        cause: { source, id },
        changes: JSON.parse(changes) as IdentityChange[],
      }));
    },
    announced(cause) {
      const rows = sql.announced.all(cause.source, cause.id) as { changes: string }[];
      return rows.flatMap((row) => JSON.parse(row.changes) as IdentityChange[]);
    },
    recover() {
      const traces = blobs(sql.traces.all()).map((blob) => decode(blob) as Trace);
      const waiting = blobs(sql.waiting.all()).map((blob) => decode(blob) as Waiting);
      const clocks = new Map<string, CameraClock>();
      for (const row of sql.cameras.all() as {
        camera: string;
        turn: number | null;
        position: number;
        ended: number;
      }[]) {
        clocks.set(row.camera, { turn: row.turn ?? -Infinity, order: row.position, ended: row.ended === 1 });
      }
      const row = sql.learned.get() as { value: string } | undefined;
      return { traces, waiting, clocks, ...(row && { learned: JSON.parse(row.value) as Learned }) };
    },
    recentContacts(time) {
      const revisions = (sql.pathsSince.all(time) as PathRow[]).map(revisionOf);
      const contacts = (sql.contactsSince.all(time) as ContactRow[]).map(contactOf);
      return { revisions, contacts };
    },
    identityOf({ camera, track }) {
      const row = sql.identityOf.get(camera, track) as { identity: string | null } | undefined;
      return row?.identity ?? undefined;
    },
    sightings: () => ({
      sightings: sql.sightings.all() as { target: string; camera: string; track: string }[],
      identities: (sql.targetIdentities.all() as { identity: string }[]).map(({ identity }) => identity),
    }),
    vectorOf(picture, model) {
      const [blob] = blobs(sql.picture.all(picture, model));
      return blob && new Float32Array(blob.slice().buffer);
    },
    keepVector(picture, model, vector) {
      writing(() => void sql.putPicture.run(picture, model, bytesOf(vector)));
    },
    totals: () => (totals ??= readTotals(sql)),
    expire(resultsBefore, vectorsBefore) {
      let rows = 0;
      writing(() => {
        rows += sql.expireVectors.run(vectorsBefore).changes;
        sql.expirePrototypes.run(resultsBefore);
        for (const statement of expiring) rows += statement.run(resultsBefore).changes;
      });
      totals = undefined;
      guarded(place, () => giveRoomBack(database));
      return rows > 0;
    },
    heard() {
      const row = sql.heard.get() as { value: string } | undefined;
      return row && (JSON.parse(row.value) as Heard);
    },
    keepHeard: (heard) => writing(() => void sql.putHeard.run(JSON.stringify(heard))),
    isForgotten: (camera, track) => isForgotten(traceKey(camera, track)),
    isForgottenPicture: (picture) => isForgotten(picture),
    erase(identity, time) {
      let erased: Erased | undefined;
      writing(() => {
        erased = erase(database, identity, time);
        sql.putUncompacted.run('1');
      });
      anyForgotten = totals = undefined;
      return erased!;
    },
    compact() {
      if (!sql.uncompacted.get()) return;
      if (guarded(place, () => compact(database))) writing(() => void sql.dropUncompacted.run());
    },
    untoldErasures: () =>
      (sql.erasures.all() as { sequence: number; erased: string }[]).map(({ sequence, erased }) => ({
        sequence,
        change: JSON.parse(erased) as ErasedChange,
      })),
    erasureTold(sequence) {
      writing(() => {
        sql.dropErasure.run(sequence);
        sql.putUncompacted.run('1');
      });
    },
    ownPictures: () =>
      (
        sql.targetPictures.all() as { target: string; picture: string; bytes: ArrayBuffer | Uint8Array }[]
      ).map(({ target, picture, bytes }) => ({ target, picture, bytes: new Uint8Array(bytes) })),
    ownPictureNames: () => sql.targetNames.all() as { target: string; picture: string }[],
    keepPicture: (target, picture, bytes) =>
      writing(() => void sql.putTargetPicture.run(target, picture, Buffer.from(bytes))),
    dropPictures: (target) =>
      writing(() => {
        sql.dropTargetPictures.run(target);
        sql.dropUnusedVectors.run();
      }),
    notePictures(pictures) {
      const keyOf = (each: { target: string; picture: string }) => `${each.target} ${each.picture}`;
      const known = sql.notedPictures.all() as { target: string; picture: string }[];
      const wanted = new Set(pictures.map(keyOf));
      const had = new Set(known.map(keyOf));
      const isSame = wanted.size === had.size && [...wanted].every((key) => had.has(key));
      if (isSame) return;
      writing(() => {
        for (const each of known)
          if (!wanted.has(keyOf(each))) sql.dropNotedPicture.run(each.target, each.picture);
        for (const { target, picture } of pictures) sql.noteTargetPicture.run(target, picture);
        sql.dropUnusedVectors.run();
      });
    },
    archived([after, afterCamera, afterTrack], { from, to }, most) {
      const rows = sql.archived.all(after, afterCamera, afterTrack, from, to, most) as ArchivedRow[];
      return rows.map(({ camera, track, model, identity, first_seen, last_seen }) => ({
        camera,
        track,
        model,
        identity,
        from: first_seen,
        to: last_seen,
        appearances: (sql.prototypes.all(camera, track) as AppearanceRow[]).map(({ vector, ...rest }) => ({
          ...rest,
          camera,
          vector: new Int8Array(new Uint8Array(vector).slice().buffer),
        })),
      }));
    },
    check() {
      if (failure) throw failure;
    },
    close: () => void database.close(),
  };
}

interface ArchivedRow {
  camera: string;
  track: string;
  model: string;
  identity: string;
  first_seen: number;
  last_seen: number;
}

type AppearanceRow = Omit<Appearance, 'camera' | 'vector'> & { vector: ArrayBuffer | Uint8Array };

function readTotals(sql: Statements): Totals {
  const row = sql.totals.get() as Omit<Totals, 'merged' | 'split' | 'targets' | 'unknownSeen'>;
  const counts = Object.fromEntries(
    (sql.counts.all() as { key: string; value: string }[]).map(({ key, value }) => [key, Number(value)]),
  );
  const { tracks, identities, firstSeen, lastSeen } = row;
  return {
    tracks,
    identities,
    firstSeen,
    lastSeen,
    merged: counts['merged'] ?? 0,
    split: counts['split'] ?? 0,
    targets: sql.targetIdentities.all().length,
    unknownSeen: sql.unknown.get() !== undefined,
  };
}

/** The engine gives an ArrayBuffer or a Buffer, as it likes. */
function blobs(rows: unknown[]): Uint8Array[] {
  return (rows as { blob: ArrayBuffer | Uint8Array }[]).map(({ blob }) => new Uint8Array(blob));
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array | Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
