// Rows of the store as what the core knows. Called by store.ts and export.ts.
import type { Contact } from './core/contacts.ts';
import type { Revision } from './core/revise.ts';

export interface PathRow {
  camera: string;
  track: string;
  revision: number;
  first_seen: number;
  last_seen: number;
  width: number;
  height: number;
  points: ArrayBuffer | Uint8Array;
}

/** A revision with its path alone: what contacts are made of. */
export function revisionOf(row: PathRow): Revision {
  const { camera, track, revision, first_seen: from, last_seen: to, width, height } = row;
  // A copy begins at a multiple of four, as floats must.
  const path = new Float32Array(new Uint8Array(row.points).slice().buffer);
  return {
    camera,
    model: '',
    image: { width, height },
    tracklet: { track, phase: 'update', revision, from, to, observations: 0, path, prototypes: [] },
  };
}

export interface ContactRow {
  camera: string;
  track: string;
  other_camera: string;
  other_track: string;
  first_seen: number;
  last_seen: number;
  exposure: number;
  distance: number | null;
  deviation: number | null;
}

export function contactOf(row: ContactRow): Contact {
  return {
    a: { camera: row.camera, track: row.track },
    b: { camera: row.other_camera, track: row.other_track },
    from: row.first_seen,
    to: row.last_seen,
    exposureS: row.exposure,
    distanceM: row.distance,
    deviationM: row.deviation,
  };
}
