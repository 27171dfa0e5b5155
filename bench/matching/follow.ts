// Replays changes of identities as any consumer of the events would.
import type { IdentityChange } from '../../config/events.ts';

/** `camera/track` -> identity after all changes. */
export function follow(changes: readonly IdentityChange[]): Map<string, string> {
  const belief = new Map<string, string>();
  for (const change of changes) {
    if (change.kind === 'assigned') belief.set(`${change.camera}/${change.track}`, change.identity);
    else if (change.kind === 'split') {
      for (const { camera, track } of change.tracks) belief.set(`${camera}/${track}`, change.to);
    } else if (change.kind === 'merged') {
      for (const [key, identity] of belief) if (identity === change.from) belief.set(key, change.identity);
    }
  }
  return belief;
}
