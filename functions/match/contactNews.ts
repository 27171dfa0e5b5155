// Tells contacts once it is known who the two are: between the contacts of tracks (core) and the events of handler.ts.
import type { ContactChange } from '../../config/events.ts';
import type { Contact, TrackName } from './core/contacts.ts';

export interface ContactNews {
  /** What may be told now: of contacts that grew, and of earlier ones whose people were not known then. */
  tell(grown: readonly Contact[]): ContactChange[];
}

/** Contacts that may wait for their people to be known; the longest waiting are given up first. */
const mostWaiting = 1000;
/** A contact that goes on is told again when it has grown by so much, seconds. */
const againAfterS = 5;

/** @param minimumS shorter contacts are not told @param identityOf undefined while nobody knows */
export function createContactNews(
  minimumS: number,
  identityOf: (track: TrackName) => string | undefined,
): ContactNews {
  const waiting = new Map<string, Contact>();
  const told = new Map<string, number>();

  return {
    tell(grown) {
      for (const contact of grown) {
        const key = keyOf(contact);
        const before = told.get(key);
        const isDue =
          before === undefined ? contact.exposureS >= minimumS : contact.exposureS >= before + againAfterS;
        if (isDue) waiting.set(key, contact);
      }
      const changes: ContactChange[] = [];
      for (const [key, contact] of waiting) {
        const [identity, other] = [identityOf(contact.a), identityOf(contact.b)];
        if (identity === undefined || other === undefined) continue;
        waiting.delete(key);
        // Two cameras that see one person see two tracks side by side.
        if (identity === other) continue;
        told.delete(key);
        told.set(key, contact.exposureS);
        changes.push(changeOf(contact, identity, other));
      }
      for (const map of [waiting, told]) while (map.size > mostWaiting) map.delete(map.keys().next().value!);
      return changes;
    },
  };
}

function changeOf(contact: Contact, identity: string, other: string): ContactChange {
  const { a, b, from, to, exposureS, distanceM, deviationM } = contact;
  return {
    kind: 'contact',
    identity,
    other,
    tracks: [a, b],
    from,
    to,
    time: to,
    exposureS,
    distanceM,
    deviationM,
  };
}

function keyOf({ a, b, from }: Contact): string {
  return JSON.stringify([a.camera, a.track, b.camera, b.track, from]);
}
