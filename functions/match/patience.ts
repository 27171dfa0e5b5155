// Decides whether an event whose predecessor is missing may be taken. Called by handler.ts: most of the time the missing
// one is only late, but it may also have been dropped on the edge, and then waiting for it would never end.

export interface PatienceOptions {
  /** How long an event is held back. */
  patienceMs: number;
  /** After waiting in vain, the camera's next gaps are taken at once for so long. */
  restMs: number;
}

export const defaultPatience: PatienceOptions = { patienceMs: 3000, restMs: 300_000 };

/** Events remembered as held back; more are taken at once. */
const mostHeld = 1000;

export interface Patience {
  /** @param event its source and id @param isGap whether what comes before it is missing @param nowMs of any clock, which may jump */
  mayTake(event: string, camera: string, isGap: boolean, nowMs: number): boolean;
}

export function createPatience({ patienceMs, restMs }: PatienceOptions): Patience {
  const heldSince = new Map<string, number>();
  const waitedInVain = new Map<string, number>();

  return {
    mayTake(event, camera, isGap, nowMs) {
      const since = heldSince.get(event) ?? nowMs;
      if (!isGap) {
        heldSince.delete(event);
        return true;
      }
      const rest = nowMs - (waitedInVain.get(camera) ?? -Infinity);
      const waited = nowMs - since;
      const isLate = waited >= patienceMs || waited < 0;
      if (isLate) waitedInVain.set(camera, nowMs);
      if (isLate || (rest >= 0 && rest < restMs) || heldSince.size >= mostHeld) {
        heldSince.delete(event);
        return true;
      }
      heldSince.set(event, since);
      return false;
    },
  };
}
