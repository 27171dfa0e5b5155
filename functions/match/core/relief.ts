// Keeps the memory bounded: condenses old tracks of one identity into one trace, then retires the identities that were
// not seen for longest. Called by matcher.ts when the memory is full. The store keeps everything.
import type { MatchSettings } from './settings.ts';
import { byTime } from './stays.ts';
import { endsOf } from './groundPath.ts';
import { byFirstSeen, isOpen, type Appearance, type Stay, type Trace } from './trace.ts';

/** Share of the memory that is in use afterwards, so that it is not done for every new track. */
const fillAfter = 0.75;

export interface Relief {
  /** Traces that left the memory. */
  removed: Trace[];
  /** Traces that took others in. */
  changed: Trace[];
}

/**
 * @param sorted all traces in canonical order; some of them are changed in place
 * @param leaving told, before anything changes, which traces leave or take others in
 */
export function relieve(
  sorted: readonly Trace[],
  settings: MatchSettings,
  leaving: (traces: ReadonlySet<Trace>) => void = () => undefined,
): Relief {
  const excess = sorted.length - Math.floor(settings.maxTraces * fillAfter);
  const removed: Trace[] = [];
  const condensing: Trace[][] = [];
  const identities = [...byIdentity(sorted).values()].sort(
    (a, b) => lastSeen(a) - lastSeen(b) || byFirstSeen(a[0]!, b[0]!),
  );
  const settled = identities.filter(
    (members) => members[0]!.identity !== undefined && members.every((trace) => !isOpen(trace)),
  );
  for (const members of settled) {
    if (removed.length >= excess) break;
    if (members.length < 2) continue;
    condensing.push(members);
    removed.push(...members.slice(1));
  }
  const gone = new Set(removed);
  for (const members of [...settled, ...identities]) {
    if (removed.length >= excess) break;
    for (const trace of members) {
      if (gone.has(trace)) continue;
      gone.add(trace);
      removed.push(trace);
    }
  }
  const changed = condensing.filter(([first]) => !gone.has(first!));
  leaving(new Set([...removed, ...changed.map(([first]) => first!)]));
  for (const [first, ...others] of changed) condense(first!, others, settings);
  return { removed, changed: changed.map(([first]) => first!) };
}

function byIdentity(sorted: readonly Trace[]): Map<string, Trace[]> {
  const groups = new Map<string, Trace[]>();
  for (const trace of sorted) {
    const name = trace.identity ?? `${trace.camera}/${trace.track}`;
    const group = groups.get(name);
    if (group) group.push(trace);
    else groups.set(name, [trace]);
  }
  return groups;
}

function lastSeen(members: readonly Trace[]): number {
  return members.reduce((latest, trace) => Math.max(latest, trace.to), -Infinity);
}

/** Takes `others` into `into`: the newest stays, and the best vectors of each camera in turn. */
function condense(into: Trace, others: readonly Trace[], settings: MatchSettings): void {
  const all = [into, ...others];
  into.stays = all
    .flatMap((trace) => trace.stays)
    .sort(byTime)
    .slice(-settings.maxStays)
    .map(withEndsOnly);
  into.appearances = bestOfEachCamera(all, settings.maxVectors);
  into.to = lastSeen(all);
  into.tracks = all.reduce((sum, trace) => sum + trace.tracks, 0);
}

/** Of an old walk only where it began and ended can still be of use. */
function withEndsOnly(stay: Stay): Stay {
  return stay.ground ? { ...stay, ground: endsOf(stay.ground) } : stay;
}

function bestOfEachCamera(traces: readonly Trace[], most: number): Appearance[] {
  const cameras = new Map<string, Appearance[]>();
  for (const appearance of traces.flatMap((trace) => trace.appearances)) {
    if (!appearance) continue;
    const list = cameras.get(appearance.camera);
    if (list) list.push(appearance);
    else cameras.set(appearance.camera, [appearance]);
  }
  const lists = [...cameras.keys()].sort().map((camera) => cameras.get(camera)!.sort(byWorth));
  const best: Appearance[] = [];
  for (let rank = 0; best.length < most && lists.some((list) => rank < list.length); rank++) {
    for (const list of lists) if (rank < list.length && best.length < most) best.push(list[rank]!);
  }
  return best;
}

function byWorth(a: Appearance, b: Appearance): number {
  return b.quality - a.quality || b.weight - a.weight || b.time - a.time;
}
