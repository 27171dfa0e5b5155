// Who went from which camera to which, as far as appearance alone makes it sure. Called by matcher.ts; ways.ts learns from it.
// Time and place have no say here: what they once learned must not confirm itself.
import type { MatchSettings } from './settings.ts';
import type { Similarities } from './similarity.ts';
import { byTime } from './stays.ts';
import type { Trace } from './trace.ts';
import type { Link } from './ways.ts';

/** @param groups traces of one person each @param concerned which pairs of traces count */
export function linksOf(
  groups: Iterable<readonly Trace[]>,
  similarities: Similarities,
  settings: MatchSettings,
  concerned: (a: Trace, b: Trace) => boolean = () => true,
): Link[] {
  const links: Link[] = [];
  for (const members of groups) {
    if (members.length < 2) continue;
    const stays = members.flatMap((trace) => trace.stays.map((stay) => ({ trace, stay })));
    stays.sort((a, b) => byTime(a.stay, b.stay));
    for (let i = 1; i < stays.length; i++) {
      const [before, after] = [stays[i - 1]!, stays[i]!];
      const gapS = after.stay.from - before.stay.to;
      if (gapS <= 0 || before.stay.open || before.stay.camera === after.stay.camera) continue;
      if (before.trace === after.trace || !concerned(before.trace, after.trace)) continue;
      const lead = similarities.of(before.trace, after.trace) - similarities.threshold(before.trace.model);
      if (lead * settings.slope >= settings.sureOdds)
        links.push({ from: before.stay.camera, to: after.stay.camera, gapS });
    }
  }
  return links;
}

/** Traces by the identity announced for them; those without one are left out. */
export function byIdentity(traces: readonly Trace[]): Iterable<Trace[]> {
  const groups = new Map<string, Trace[]>();
  for (const trace of traces) {
    if (trace.identity === undefined) continue;
    const group = groups.get(trace.identity);
    if (group) group.push(trace);
    else groups.set(trace.identity, [trace]);
  }
  return groups.values();
}
