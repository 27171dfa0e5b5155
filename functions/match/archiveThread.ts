// A thread that answers questions from a store, so that they never hold up the matching; started by archiveAccess.ts.
import { parentPort, workerData } from 'node:worker_threads';
import type { Values } from '../../config/queries/questions.ts';
import { createArchive, type Archive, type ArchiveScope } from './archive.ts';
import {
  partsOf,
  resemblingIn,
  together,
  vectorsOf,
  type Likeness,
  type Part,
  type PartResult,
} from './resemblance.ts';
import { atOneMoment, type StoreDatabase, type StorePlace } from './database.ts';
import { isPostgres } from './postgres.ts';
import { resemblingOnServer } from './postgresResemblance.ts';
import type { VectorColumn } from './postgresVectors.ts';
import { openReader } from './reader.ts';

export type ArchiveQuestion =
  'identities' | 'identity' | 'tracks' | 'track' | 'sightings' | 'contacts' | 'bounds';

export interface ArchiveRequest {
  number: number;
  scope: ArchiveScope;
  values: Values;
  ask:
    | { name: ArchiveQuestion }
    | ({ name: 'search' } & Whom)
    | { name: 'parts'; most: number }
    | ({ name: 'searchPart'; part: Part } & Whom)
    | { name: 'together'; parts: PartResult[]; threshold: number };
}

/** Who is looked for: by vectors, or as a track of the store. */
export type Whom = Omit<Likeness, 'vectors' | 'model'> &
  ({ vectors: Float32Array[]; model: string } | { camera: string; track: string });

export type ArchiveReply = { number: number } & (
  { answer: unknown } | { problem: { name: string; message: string } }
);

const { place } = workerData as { place: StorePlace };
let database: StoreDatabase | undefined;

function open(): StoreDatabase {
  database ??= openReader(place);
  if (database) return database;
  const error = new Error('nothing is stored yet');
  error.name = 'TransientError';
  throw error;
}

function answer({ ask, scope, values }: ArchiveRequest): unknown {
  const archive: Archive = createArchive(open(), scope);
  if (ask.name === 'search') {
    const whole = searchPart(archive, ask, {}, values);
    return together(archive, [whole], ask.threshold, values);
  }
  // A server shares the work among processes of its own.
  if (ask.name === 'parts') return serverVectors() ? [{}] : partsOf(archive, values, ask.most);
  if (ask.name === 'searchPart') return searchPart(archive, ask, ask.part, values);
  if (ask.name === 'together') return together(archive, ask.parts, ask.threshold, values);
  return ask.name === 'bounds' ? archive.bounds() : archive[ask.name](values);
}

function searchPart(archive: Archive, whom: Whom, part: Part, values: Values): PartResult {
  const vectors = 'vectors' in whom ? whom : vectorsOf(archive, whom.camera, whom.track);
  const likeness = { ...whom, ...vectors };
  const column = serverVectors();
  return column
    ? resemblingOnServer(archive, column, likeness, values)
    : resemblingIn(part, archive, likeness, values);
}

/** Where the server itself can compare vectors. */
function serverVectors(): VectorColumn | undefined {
  return database && isPostgres(database) ? database.vectors : undefined;
}

/** All of one answer is of one moment; of a search by several threads, all of each part. */
function reply(request: ArchiveRequest): ArchiveReply {
  const { number } = request;
  try {
    return { number, answer: atOneMoment(open(), () => answer(request)) };
  } catch (error) {
    const { name, message } = error as Error;
    return { number, problem: { name, message } };
  }
}

parentPort?.on('message', (request: ArchiveRequest) => parentPort!.postMessage(reply(request)));
