// Starts the Python trackers that our own is compared with, for main.ts and tests of settings: each in a process of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { MotRow } from '../accuracy/motFiles.ts';
import type { Sequence } from '../accuracy/sequences.ts';
import { ensurePython, oneThread } from '../pythonEnvironment.ts';

export const peerNames = [
  'norfair',
  'norfair, seen only',
  'trackers SORT',
  'trackers ByteTrack',
  'trackers OC-SORT',
  'trackers C-BIoU',
  'trackers BoT-SORT',
  'supervision ByteTrack',
] as const;

export interface TrackerRun {
  /** In the tracker itself, for all frames. */
  seconds: number;
  frames: number;
  /** Of the process at its end. */
  residentBytes: number;
  /** By sequence; frames renumbered 1, 2, 3... after the stride. */
  rows: Map<string, MotRow[]>;
}

interface PeerAnswer extends Omit<TrackerRun, 'rows'> {
  rows: Record<string, [number, number, number, number, number, number][]>;
}

export function peerPython(cacheFolder: string): string {
  return ensurePython({
    folder: join(cacheFolder, 'peer-venv'),
    requirements: join(import.meta.dirname, 'requirements.txt'),
    purpose: 'the Python peers',
    complete: true,
  });
}

/**
 * Every `stride`-th frame of each sequence through one peer at its defaults.
 * @param informed also told the frame rate and the time of each frame, where it can be told
 * @param passes how often over all sequences, each time with a new tracker; the time is of all
 */
export function runPeer(
  python: string,
  peer: string,
  sequences: readonly Sequence[],
  stride: number,
  informed: boolean,
  passes = 1,
): TrackerRun {
  const given = sequences.map(({ name, framesPerSecond, detections, tracker }) => ({
    name,
    framesPerSecond: framesPerSecond / stride,
    threshold: tracker.highScore ?? 0,
    frames: detections
      .filter((_, index) => index % stride === 0)
      .map(({ boxes, scores, count }) => ({
        boxes: [...boxes.subarray(0, count * 4)],
        scores: [...scores.subarray(0, count)],
      })),
  }));
  const script = join(import.meta.dirname, 'peers.py');
  const run = spawnSync(python, [script, peer, informed ? 'informed' : 'default', String(passes)], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, ...oneThread },
  });
  if (run.status !== 0)
    throw new Error(`${peer} failed (${run.error?.message ?? run.signal ?? run.status}): ${run.stderr}`);
  const { rows, ...figures } = JSON.parse(run.stdout) as PeerAnswer;
  const named = Object.entries(rows).map(([name, found]) => [name, found.map(motRow)] as const);
  return { ...figures, rows: new Map(named) };
}

function motRow([frame, id, left, top, right, bottom]: PeerAnswer['rows'][string][number]): MotRow {
  return { frame, id, left, top, width: right - left, height: bottom - top, confidence: 1 };
}
