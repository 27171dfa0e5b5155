// What says anything of a person who was erased: match takes it out of its store, status out of its log of changes, cli out of the
// files of a run.
import type { IdentityChange } from '../config/events.ts';

/** Stands where the name of an erased person stood in what is kept of others. */
export const stranger = 'somebody erased';

/** Whether a change says anything of a person with these names and tracks. */
export function aboutPerson(
  names: readonly string[],
  tracks: readonly { camera: string; track: string }[],
): (change: IdentityChange) => boolean {
  const called = new Set(names);
  const keyOf = ({ camera, track }: { camera: string; track: string }) => `${camera}/${track}`;
  const own = new Set(tracks.map(keyOf));
  return (change) => {
    const named = [change.identity, ...othersIn(change)].some((name) => called.has(name));
    const seen = 'tracks' in change ? change.tracks : 'track' in change ? [change] : [];
    return named || seen.some((each) => own.has(keyOf(each)));
  };
}

/** Reasons of others say who else it might have been. */
export function withoutNames(text: string, names: readonly string[]): string {
  return names.reduce((left, name) => left.replaceAll(name, stranger), text);
}

function othersIn(change: IdentityChange): string[] {
  switch (change.kind) {
    case 'merged':
      return [change.from];
    case 'split':
      return [change.to];
    case 'contact':
      return [change.other];
    case 'erased':
      return change.names;
    case 'assigned':
    case 'sighted':
      return [];
  }
}
