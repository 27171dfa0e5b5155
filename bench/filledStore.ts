// Fills a store with people of the past, for benchmarks of what grows with it.
import type { QuantizedVector } from '../config/quantize.ts';
import { openDatabase } from '../functions/match/database.ts';

const vectorsOfTrack = 4;
const tracksOfPerson = 8;
const cameraCount = 8;
/** Vectors are used again and again, so that a million take no minute to make. */
const differentVectors = 997;

export interface Past {
  vectors: number;
  /** When the first track begins, seconds since the epoch; one begins every half second. */
  from: number;
  vector: () => QuantizedVector;
}

/** Tracks of model `m`, that are over. */
export function fillStore(folder: string, { vectors, from, vector }: Past): void {
  const database = openDatabase(folder, { synchronous: 'NORMAL', busyTimeoutMs: 500 });
  const track = database.prepare(
    `INSERT INTO tracks (camera, track, model, revision, first_seen, last_seen, observations, ended, identity)
     VALUES (?, ?, 'm', 1, ?, ?, 3, 1, ?)`,
  );
  const prototype = database.prepare(
    'INSERT INTO prototypes (camera, track, slot, vector, scale, quality, weight, time) VALUES (?, ?, ?, ?, ?, 1, 1, ?)',
  );
  const made = Array.from({ length: differentVectors }, () => Buffer.from(vector().vector));
  database.transaction(() => {
    for (let i = 0; i < vectors / vectorsOfTrack; i++) {
      const [camera, name, time] = [`past-${i % cameraCount}`, `s.${i}`, from + i / 2];
      track.run(camera, name, time, time + 5, `p-${Math.floor(i / tracksOfPerson)}`);
      for (let slot = 0; slot < vectorsOfTrack; slot++)
        prototype.run(camera, name, slot, made[(i * vectorsOfTrack + slot) % made.length], 0.001, time);
    }
  })();
  database.close();
}
