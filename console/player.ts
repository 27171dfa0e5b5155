// The clock of the live view: follows what happens, or plays what has happened again. live.tsx moves boxes and pictures by it.
import { useEffect, useRef, useState } from 'preact/hooks';

export interface Player {
  /** Media time that is shown, seconds since the epoch. */
  time: number;
  isPlaying: boolean;
  /** Whether it follows the newest that is known. */
  isLive: boolean;
  rate: number;
  play(): void;
  pause(): void;
  seek(time: number): void;
  follow(): void;
  setRate(rate: number): void;
}

/** Between two pictures: smooth enough for people who walk. */
const frameMs = 66;
/** Who follows stays so far behind the newest box, so that there is one to move towards, seconds. */
const behindS = 0.4;
/** Further behind it jumps, seconds. */
const tooFarS = 4;

/** @param bounds of what is known, seconds @param isRunning whether more is to come */
export function usePlayer(bounds: { from: number; to: number } | undefined, isRunning: boolean): Player {
  const [time, setTime] = useState(isRunning ? (bounds?.to ?? 0) : (bounds?.from ?? 0));
  const [isPlaying, setPlaying] = useState(() => !prefersStillness());
  const [isLive, setLive] = useState(isRunning);
  const [rate, setRate] = useState(1);
  const known = useRef(bounds);
  known.current = bounds;

  useEffect(() => {
    if (!isPlaying) return;
    let last = performance.now();
    let shown = last;
    let at = time;
    let frame = requestAnimationFrame(step);
    function step(now: number): void {
      frame = requestAnimationFrame(step);
      const passedS = Math.min(1, (now - last) / 1000);
      last = now;
      if (!known.current) return;
      at = next(at, passedS, known.current, { isLive, rate });
      if (now - shown < frameMs) return;
      shown = now;
      setTime(at);
    }
    return () => cancelAnimationFrame(frame);
    // `time` is only where it begins: it must not begin anew with every picture.
  }, [isPlaying, isLive, rate]);

  // A page that opened before anything was known.
  useEffect(() => {
    if (bounds && time === 0) setTime(isLive ? bounds.to : bounds.from);
  }, [bounds === undefined]);

  return {
    time,
    isPlaying,
    isLive,
    rate,
    play: () => setPlaying(true),
    pause() {
      setPlaying(false);
      setLive(false);
    },
    seek(to) {
      setPlaying(false);
      setLive(false);
      setTime(to);
    },
    follow() {
      if (bounds) setTime(bounds.to - behindS);
      setLive(true);
      setPlaying(true);
    },
    setRate,
  };
}

function next(
  at: number,
  passedS: number,
  { from, to }: { from: number; to: number },
  { isLive, rate }: { isLive: boolean; rate: number },
): number {
  if (!isLive) return at >= to ? from : Math.max(from, at + passedS * rate);
  const target = to - behindS;
  if (at < target - tooFarS || at > to) return target;
  return Math.min(Math.max(at, target - tooFarS), at + passedS) < target
    ? at + passedS
    : Math.max(at, target);
}

function prefersStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
