// Notices that somebody was erased from the store: nothing there says so any more, because it would have to say who. runSource.ts
// asks it for the stream, so that whoever follows forgets them too.
import type { ErasedChange } from '../../config/events.ts';
import type { ErasureCursor } from './source.ts';
import type { IdentitiesView } from './types.ts';

/**
 * Those who were known and are not any more, and whose tracks the store remembers to be erased; whoever was found to be somebody
 * else, or has expired, is none of them. The cursor moves on. @param isForgotten whether a track was of somebody who was erased
 */
export function erasedSince(
  cursor: ErasureCursor,
  now: IdentitiesView,
  isForgotten: (camera: string, track: string) => boolean,
): ErasedChange[] {
  const { known } = cursor;
  cursor.known = now;
  if (!known || known === now) return [];
  const left = new Set(now.identities.map(({ identity }) => identity));
  return known.identities
    .filter(({ identity }) => !left.has(identity))
    .map(({ identity, lastSeen, tracks }) => ({
      kind: 'erased' as const,
      identity,
      names: [],
      tracks: tracks.filter(({ camera, track }) => isForgotten(camera, track)).map(nameOf),
      time: lastSeen,
    }))
    .filter(({ tracks }) => tracks.length > 0);
}

function nameOf({ camera, track }: { camera: string; track: string }) {
  return { camera, track };
}
