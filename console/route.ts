// Which view is open, from the address behind #; it holds nothing secret and survives a reload.
import { useEffect, useState } from 'preact/hooks';

export const views = [
  { id: 'live', title: 'Live' },
  { id: 'people', title: 'People' },
  { id: 'search', title: 'Search' },
  { id: 'contacts', title: 'Contacts' },
  { id: 'counts', title: 'Counts' },
  { id: 'places', title: 'Places' },
  { id: 'task', title: 'Task' },
] as const;

export type ViewId = (typeof views)[number]['id'];

export interface Route {
  view: ViewId;
  /** An identity that is asked for. */
  person: string | undefined;
}

export function linkTo(view: ViewId, person?: string): string {
  return `#/${view}${person === undefined ? '' : `/${encodeURIComponent(person)}`}`;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return parse(hash);
}

function parse(hash: string): Route {
  const [, view, person] = hash.split('/');
  const known = views.find(({ id }) => id === view)?.id ?? 'live';
  return { view: known, person: person === undefined || person === '' ? undefined : decode(person) };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
