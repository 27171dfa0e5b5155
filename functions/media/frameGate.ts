// Limits frames a second by media time, for video.ts before the costly conversion and for pushed pictures.

/** Answers whether the frame at a media time, in seconds, is wanted. */
export type FrameGate = (time: number) => boolean;

/**
 * Divides media time into slots of 1/fps seconds and takes the first frame of each, so the choice depends on the
 * frames' times alone. A clock that steps back starts a new count.
 * @param fps absent: every frame is wanted
 */
export function createFrameGate(fps: number | undefined): FrameGate {
  if (fps === undefined) return () => true;
  let last = -Infinity;
  return (time) => {
    const slot = Math.floor(time * fps + 1e-6);
    if (slot === last) return false;
    last = slot;
    return true;
  };
}
