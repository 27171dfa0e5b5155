// What time and place say about two stays, from the operator, from experience and from the ground. Called by matcher.ts, which
// hands it to the grouping.
import { agreementOf, type Agreement } from './groundPath.ts';
import type { MatchSettings } from './settings.ts';
import type { GivenTopology, Topology } from './stays.ts';
import type { Stay } from './trace.ts';
import type { Ways } from './ways.ts';

interface Known {
  added: number;
  agreement: Agreement | undefined;
}

/** What is given wins: nothing is learned about cameras whose travel time the operator knows. */
export function createEvidence(given: GivenTopology, ways: Ways, settings: MatchSettings): Topology {
  const known = new WeakMap<Stay, WeakMap<Stay, Known>>();

  function agreement(a: Stay, b: Stay): Agreement | undefined {
    if (!a.ground || !b.ground || a.camera === b.camera) return undefined;
    if (a.from > b.to || b.from > a.to) return undefined;
    const [first, second] = a.camera < b.camera ? [a, b] : [b, a];
    let ofFirst = known.get(first);
    if (!ofFirst) known.set(first, (ofFirst = new WeakMap()));
    const added = a.ground.added + b.ground.added;
    let found = ofFirst.get(second);
    if (!found || found.added !== added) {
      found = { added, agreement: agreementOf(first.ground!, second.ground!, settings) };
      ofFirst.set(second, found);
    }
    return found.agreement;
  }

  return {
    overlap: (a, b) => given.overlap(a, b),
    travel: (a, b) => given.travel(a, b),
    transition: (a, b) => (given.travel(a.camera, b.camera) ? 0 : ways.odds(a, b)),
    agreement,
  };
}
