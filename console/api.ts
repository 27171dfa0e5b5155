// Talks to the server that this page came from, and to no other; state.ts calls it.
import type { Erased } from '../config/queries/answers.ts';
import type {
  ChangeView,
  ContactView,
  FoundView,
  IdentitiesView,
  MotionView,
  SessionView,
  TaskView,
} from '../functions/console/types.ts';

/** An answer that says no; `message` is for people. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`api/${path}`, { credentials: 'same-origin', ...init }).catch(() => {
    throw new Refused(0, 'the server does not answer');
  });
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Refused(response.status, problem.detail ?? `the server answered ${response.status}`);
  }
  const isEmpty = response.status === 204 || response.status === 202;
  return (isEmpty ? undefined : await response.json()) as T;
}

export const api = {
  session: () => ask<SessionView>('session'),
  signIn: (token: string) =>
    ask<SessionView>('session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    }),
  signOut: () => ask<void>('session', { method: 'DELETE' }),
  task: () => ask<TaskView>('task'),
  identities: () => ask<IdentitiesView>('identities'),
  contacts: () => ask<ContactView[]>('contacts'),
  changes: () => ask<ChangeView[]>('changes'),
  motion: () => ask<MotionView[]>('motion'),
  search: (picture: Blob) =>
    ask<FoundView[]>('search', {
      method: 'POST',
      headers: { 'content-type': picture.type || 'application/octet-stream' },
      body: picture,
    }),
  /** @param number of the person as it is shown, so that nobody else is erased */
  erase: (identity: string, number: number) =>
    ask<Erased>(`identities/${encodeURIComponent(identity)}?number=${number}`, { method: 'DELETE' }),
  stop: () => ask<void>('stop', { method: 'POST' }),
  pictureOf: (camera: string, version: number) =>
    `api/cameras/${encodeURIComponent(camera)}/picture.jpg?v=${version}`,
  recordingOf: (camera: string) => `api/cameras/${encodeURIComponent(camera)}/recording`,
};
