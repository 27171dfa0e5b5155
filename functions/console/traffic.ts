// What a task sends to the cloud against what its video would take. runSource.ts shows it.
import { statSync } from 'node:fs';
import type { TaskFacts } from './taskFacts.ts';
import type { TrafficView } from './types.ts';

/** For each second that a person is visible, HTTP headers included: measured, see docs/benchmarks.md. */
const bytesPerVisibleSecond = 120;
/** The least that IP cameras usually send. */
const videoBytesPerSecond = 1_500_000 / 8;

/** Undefined while nobody was seen. @param seen by all cameras together, of everybody @param progress camera -> how much of its recording is done, 0..1 */
export function trafficOf(
  { cameras }: TaskFacts,
  seen: { from: number; to: number; visibleS: number } | undefined,
  progress: ReadonlyMap<string, number | undefined>,
): TrafficView | undefined {
  if (!seen) return undefined;
  const { from, to, visibleS } = seen;
  const sizes = cameras.map(({ id, recording }) => {
    const bytes = recording && sizeOf(recording.path);
    return bytes === undefined ? undefined : bytes * (progress.get(id) ?? 1);
  });
  const isKnown = sizes.every((size) => size !== undefined);
  return {
    sentBytes: Math.round(visibleS * bytesPerVisibleSecond),
    isCounted: false,
    videoBytes: Math.round(
      isKnown
        ? sizes.reduce((sum, size) => sum + size, 0)
        : (to - from) * cameras.length * videoBytesPerSecond,
    ),
    videoFrom: isKnown ? 'recordings' : 'rate',
  };
}

function sizeOf(path: string): number | undefined {
  try {
    return statSync(path).size;
  } catch {
    return undefined;
  }
}
