// How times, sizes and events are said to people; all views use it.
import type { IdentityChange } from '../config/events.ts';
import type { IdentityView, TaskView } from '../functions/console/types.ts';

type People = ReadonlyMap<string, IdentityView>;

const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** @param time seconds since the epoch, in the time zone of the browser */
export function clock(time: number): string {
  return clockFormat.format(time * 1000);
}

export function day(time: number): string {
  return dayFormat.format(time * 1000);
}

export function duration(seconds: number): string {
  const whole = Math.max(0, seconds);
  if (whole < 9.95) return `${Math.round(whole * 10) / 10} s`;
  if (whole < 120) return `${Math.round(whole)} s`;
  if (whole < 7200) return `${Math.round(whole / 60)} min`;
  if (whole < 172_800) return `${Math.round(whole / 360) / 10} h`;
  return `${Math.round(whole / 86_400)} days`;
}

export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

export function personName(identity: IdentityView): string {
  return identity.target ?? `Person ${identity.number}`;
}

/** Somebody who is known, or an id that merged into another since. */
export function nameOf(id: string, people: People): string {
  const known = people.get(id);
  return known ? personName(known) : 'somebody';
}

/** Ids in the matcher's reasons become the names that are shown everywhere else. */
export function readable(reason: string, people: People): string {
  return reason.replace(/\bp-[a-z0-9]{10}\b/g, (id) => nameOf(id, people));
}

export function sayChange(change: IdentityChange, people: People): string {
  const who = nameOf(change.identity, people);
  if (change.kind === 'assigned')
    return change.isNew ? `${who} is new, in ${change.camera}` : `${who} was recognised in ${change.camera}`;
  if (change.kind === 'merged') return `Two became one: both are ${who}`;
  if (change.kind === 'split') return `One became two: ${who} and ${nameOf(change.to, people)}`;
  if (change.kind === 'sighted') return `${change.target} was seen in ${change.camera}`;
  if (change.kind === 'contact')
    return `${who} and ${nameOf(change.other, people)} were close for ${duration(change.exposureS)}`;
  return 'Somebody was erased for good';
}

/** One sentence on how the task is. */
export function sayTask({ status, cameras }: TaskView): string {
  const connected = cameras.filter(({ state }) => state === 'connected').length;
  const troubled = cameras.filter(({ state }) => state === 'failed' || state === 'reconnecting');
  const all = count(cameras.length, 'camera', 'cameras');
  const { phase } = status;
  if (phase === 'Completed') {
    const who =
      cameras.length === 1
        ? 'the camera has'
        : cameras.length === 2
          ? 'both cameras have'
          : `all ${all} have`;
    return `Done: ${who} been worked through.`;
  }
  if (phase === 'Failed') return 'It failed: see which cameras and why.';
  if (phase === 'Suspended') return 'It is suspended: nothing runs, all results are kept.';
  if (phase === 'Degraded') {
    const names = troubled.map(({ id }) => id).join(', ');
    return troubled.length === 0 ? 'It works, but not all of it.' : `It works, but not with ${names}.`;
  }
  if (phase === 'Running') return `It works: ${connected} of ${all} connected.`;
  return 'It is starting.';
}

const conditionWords: Record<string, string> = {
  Ready: 'All its workers are ready',
  ModelsResolved: 'Its models are known',
  WorkersCreated: 'Its workers are made',
  EdgesSynced: 'Its nodes have its newest version',
  SourcesConnected: 'Its cameras give pictures',
  Degraded: 'Something is wrong',
  Completed: 'All recordings are worked through',
};

/** What it means that the condition holds. */
export function sayCondition(type: string): string {
  return conditionWords[type] ?? type;
}

export function sayState(state: TaskView['cameras'][number]['state']): string {
  return {
    connecting: 'connecting',
    connected: 'live',
    reconnecting: 'reconnecting',
    failed: 'failed',
    ended: 'done',
  }[state];
}
