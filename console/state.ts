// What the page knows, kept up to date by the server's stream; views read it through useModel.
import { useEffect, useState } from 'preact/hooks';
import type {
  ContactView,
  IdentityView,
  MotionView,
  SessionView,
  TaskView,
} from '../functions/console/types.ts';
import type { IdentityChange } from '../config/events.ts';
import { api, Refused } from './api.ts';
import { Motion } from './motion.ts';

export interface Model {
  session: SessionView | undefined;
  task: TaskView | undefined;
  identities: readonly IdentityView[];
  /** Identity -> what is known of it; names that became others lead to those. */
  byIdentity: ReadonlyMap<string, IdentityView>;
  /** `camera track` -> whose track it is. */
  ownerOf: ReadonlyMap<string, IdentityView>;
  contacts: readonly ContactView[];
  /** Oldest first. */
  changes: readonly IdentityChange[];
  motion: Motion;
  /** Grows with each box that came. */
  motionVersion: number;
  link: 'starting' | 'open' | 'lost';
  /** Why nothing can be shown. */
  problem: string | undefined;
  loaded: boolean;
}

const mostChanges = 2000;
const reloadAfterMs = 400;
const signInCheckMs = 3000;

/** Of a task of which nothing is known yet, or any more. */
const nothingKnown = () => ({
  task: undefined,
  identities: [],
  byIdentity: new Map(),
  ownerOf: new Map(),
  contacts: [],
  changes: [],
});

let model: Model = {
  ...nothingKnown(),
  session: undefined,
  motion: new Motion(),
  motionVersion: 0,
  link: 'starting',
  problem: undefined,
  loaded: false,
};
const listeners = new Set<() => void>();

function update(part: Partial<Model>): void {
  model = { ...model, ...part };
  for (const listener of listeners) listener();
}

export function useModel(): Model {
  const [, redraw] = useState(0);
  useEffect(() => {
    const listener = () => redraw((count) => count + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return model;
}

let stream: EventSource | undefined;
let reloading: ReturnType<typeof setTimeout> | undefined;

/** Asks who this is, and begins when somebody is signed in. */
export async function begin(): Promise<void> {
  try {
    const session = await api.session();
    update({ session, problem: undefined });
    if (session.name !== undefined) await follow();
  } catch (error) {
    update({ problem: (error as Error).message });
    setTimeout(() => void begin(), signInCheckMs);
  }
}

/** @throws Refused for a wrong token */
export async function signIn(token: string): Promise<void> {
  const session = await api.signIn(token);
  update({ session });
  await follow();
}

export async function signOut(): Promise<void> {
  await api.signOut();
  forget();
  update({ session: await api.session() });
}

function forget(): void {
  stream?.close();
  stream = undefined;
  model.motion.clear();
  update(nothingKnown());
  update({ loaded: false, link: 'starting' });
}

async function follow(): Promise<void> {
  openStream();
  await reload();
}

function openStream(): void {
  stream?.close();
  const own = (stream = new EventSource('api/stream'));
  own.onopen = () => update({ link: 'open' });
  own.onerror = () => {
    update({ link: 'lost' });
    // A refusal ends the browser's own tries: the session may be over.
    if (own.readyState === EventSource.CLOSED) setTimeout(() => void checkSession(), signInCheckMs);
  };
  const on = (name: string, take: (data: unknown) => void) =>
    own.addEventListener(name, (event: MessageEvent<string>) => take(JSON.parse(event.data)));
  on('task', (task) => update({ task: task as TaskView }));
  on('motion', (views) => {
    model.motion.add(views as MotionView[]);
    update({ motionVersion: model.motionVersion + 1 });
  });
  on('changes', (data) => {
    const changes = data as IdentityChange[];
    if (changes.some(({ kind }) => kind === 'erased')) return void forgetErased();
    update({ changes: [...model.changes, ...changes].slice(-mostChanges) });
    reloadSoon();
  });
  // What was missed was sent again; boxes are not kept for that.
  on('resumed', () => void reloadMotion());
  on('reset', () => void reload());
}

async function checkSession(): Promise<void> {
  try {
    const session = await api.session();
    if (session.name === undefined) {
      forget();
      update({ session });
    } else openStream();
  } catch {
    setTimeout(() => void checkSession(), signInCheckMs);
  }
}

function reloadSoon(): void {
  reloading ??= setTimeout(() => {
    reloading = undefined;
    void loadPeople().catch(show);
  }, reloadAfterMs);
}

async function reload(): Promise<void> {
  try {
    const [task, changes] = await Promise.all([api.task(), api.changes(), loadPeople(), reloadMotion()]);
    update({ task, changes: changes.flatMap((each) => each.changes) });
    nameAll();
    update({ loaded: true, problem: undefined });
  } catch (error) {
    show(error);
  }
}

/** Somebody was erased: nothing that is known of them may stay, whatever it is. */
export async function forgetErased(): Promise<void> {
  model.motion.clear();
  await reload();
}

async function loadPeople(): Promise<void> {
  const [{ identities }, contacts] = await Promise.all([api.identities(), api.contacts()]);
  const ownerOf = new Map<string, IdentityView>();
  for (const each of identities)
    for (const { camera, track } of each.tracks) ownerOf.set(`${camera} ${track}`, each);
  update({ identities, contacts, ownerOf });
  nameAll();
}

/** Also under the names that people had before they were found to be one. */
function nameAll(): void {
  const byIdentity = new Map(model.identities.map((each) => [each.identity, each]));
  for (const change of [...model.changes].reverse()) {
    if (change.kind !== 'merged' || byIdentity.has(change.from)) continue;
    const now = byIdentity.get(change.identity);
    if (now) byIdentity.set(change.from, now);
  }
  update({ byIdentity });
}

async function reloadMotion(): Promise<void> {
  model.motion.add(await api.motion());
  update({ motionVersion: model.motionVersion + 1 });
}

function show(error: unknown): void {
  if (error instanceof Refused && error.status === 401) void checkSession();
  else update({ problem: (error as Error).message });
}
