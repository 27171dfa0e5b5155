// Counts frames a second for a camera's report.

const slots = 10;
const slotMs = 500;

export interface RateMeter {
  add(nowMs: number): void;
  /** Events a second over the last five seconds, or since the first event if that is less. */
  perSecond(nowMs: number): number;
}

export function createRateMeter(): RateMeter {
  const counts = new Uint32Array(slots);
  const numbers = new Float64Array(slots).fill(-1);
  let first: number | undefined;
  return {
    add(nowMs) {
      first ??= nowMs;
      const number = Math.floor(nowMs / slotMs);
      const slot = number % slots;
      if (numbers[slot] !== number) {
        numbers[slot] = number;
        counts[slot] = 0;
      }
      counts[slot]!++;
    },
    perSecond(nowMs) {
      if (first === undefined) return 0;
      const oldest = Math.floor(nowMs / slotMs) - slots;
      let total = 0;
      for (let slot = 0; slot < slots; slot++) if (numbers[slot]! > oldest) total += counts[slot]!;
      const spanMs = Math.min(slots * slotMs, Math.max(slotMs, nowMs - first));
      return (total * 1000) / spanMs;
    },
  };
}
