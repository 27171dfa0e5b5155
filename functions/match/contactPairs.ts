// Gathers the contacts of tracks into those of people: results, exports and the console count one moment once, whoever saw it.
import type { Contact } from '../../config/queries/answers.ts';

/** Two people and every time that they were close, by time. */
export interface ContactsOfPair {
  identities: [string, string];
  /** Seconds in contact, in all. */
  exposureS: number;
  times: ContactTime[];
}

/** Times in seconds since the epoch, distances in metres; null where nothing was measured. */
export interface ContactTime {
  from: number;
  to: number;
  exposureS: number;
  distanceM: number | null;
  deviationM: number | null;
}

/**
 * Longest exposure first. Cameras that saw the same moment count it once.
 * @param contacts by their beginning @param minimumS shorter ones are left out
 */
export function pairsOf(contacts: readonly Omit<Contact, 'tracks'>[], minimumS: number): ContactsOfPair[] {
  const pairs = new Map<string, ContactsOfPair>();
  for (const contact of contacts) {
    const identities = [...contact.identities].sort() as [string, string];
    const pair = pairs.get(identities.join(' ')) ?? { identities, exposureS: 0, times: [] };
    pairs.set(identities.join(' '), pair);
    addTime(pair.times, contact);
  }
  for (const pair of pairs.values()) {
    pair.times = pair.times.filter(({ exposureS }) => exposureS >= minimumS);
    pair.exposureS = pair.times.reduce((sum, { exposureS }) => sum + exposureS, 0);
  }
  return [...pairs.values()]
    .filter(({ times }) => times.length > 0)
    .sort((x, y) => y.exposureS - x.exposureS);
}

/** Times that overlap are one, seen by several cameras. */
function addTime(
  times: ContactTime[],
  { from, to, exposureS, distanceM, deviationM }: Omit<Contact, 'tracks'>,
): void {
  const last = times[times.length - 1];
  if (!last || from > last.to) {
    times.push({ from, to, exposureS, distanceM, deviationM });
    return;
  }
  last.to = Math.max(last.to, to);
  last.exposureS = Math.max(last.exposureS, exposureS);
  if (distanceM !== null && (last.distanceM === null || distanceM < last.distanceM))
    Object.assign(last, { distanceM, deviationM });
}
