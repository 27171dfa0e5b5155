// Writes what the matcher decided into the log, one line a decision: handler.ts calls it with what may be announced.
import type { IdentityChange } from '../../config/events.ts';
import type { Log } from '../function.ts';

/** Vectors and pixels are no part of changes; what a task may not tell of others is not among them either. */
export function tellStory(log: Log, changes: readonly IdentityChange[]): void {
  for (const change of changes) tell(log, change);
}

function tell(log: Log, change: IdentityChange): void {
  switch (change.kind) {
    case 'assigned': {
      const { identity, camera, track, isNew, score, margin, reason } = change;
      return log.info({ identity, camera, track, isNew, score, margin, reason }, 'person seen');
    }
    case 'merged': {
      const { identity, from, score, margin, reason } = change;
      return log.info({ identity, from, score, margin, reason }, 'identities merged');
    }
    case 'split': {
      const { identity, to, tracks, score, margin, reason } = change;
      return log.info({ identity, to, tracks, score, margin, reason }, 'identity split');
    }
    case 'sighted': {
      const { target, identity, camera, track, score, margin, reason } = change;
      return log.info({ target, identity, camera, track, score, margin, reason }, 'target sighted');
    }
    case 'erased':
      return;
    case 'contact': {
      const { identity, other, from, to, exposureS, distanceM, deviationM } = change;
      const cameras = change.tracks.map(({ camera }) => camera);
      return log.info(
        { identity, other, cameras, from, to, exposureS, distanceM, deviationM },
        'people in contact',
      );
    }
  }
}
