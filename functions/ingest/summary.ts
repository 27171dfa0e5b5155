// Sums the cameras up to the stage's status, for handler.ts.
import type { StageStatus } from '../function.ts';
import type { CameraState } from './cameraState.ts';

/** Completed once every camera has ended or failed, Failed when none has ended. */
export function summarize(states: readonly CameraState[], nowMs: number): StageStatus {
  const failed = states.filter(({ state }) => state === 'failed');
  const over = failed.length + states.filter(({ state }) => state === 'ended').length;
  const done = states.length > 0 && over === states.length;
  const sum = (figure: 'frames' | 'dropped' | 'damaged' | 'reconnects') =>
    states.reduce((total, state) => total + state[figure], 0);
  return {
    phase: !done ? 'Running' : failed.length === over ? 'Failed' : 'Completed',
    ...(failed.length === 0 ? {} : { message: failed.map(({ message }) => message).join('; ') }),
    cameras: states.map((state) => state.report(nowMs)),
    figures: {
      frames: sum('frames'),
      dropped: sum('dropped'),
      damaged: sum('damaged'),
      reconnects: sum('reconnects'),
    },
  };
}
