// Names of identities. They derive from the track that was seen first, never from a counter: any worker, any order of
// arrival and any restart gives the same name. Called by matcher.ts.

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const length = 10;

/** A short name (50 bits, no letters that look like digits) of the person whose first track this is. */
export function identityName(camera: string, track: string): string {
  // Two 32-bit sums in the manner of FNV-1a: one alone would let two people of a large task share a name.
  let low = 0x811c9dc5;
  let high = 0x01234567;
  for (const character of `${camera}/${track}`) {
    const code = character.codePointAt(0)!;
    low = Math.imul(low ^ code, 0x01000193) >>> 0;
    high = Math.imul(high ^ code, 0x01000193) >>> 0;
    high = (high ^ (high >>> 15)) >>> 0;
  }
  [low, high] = [mixed(low), mixed(high)];
  let name = '';
  for (let i = 0; i < length; i++) {
    const word = i < length / 2 ? low : high;
    name += alphabet[(word >>> (5 * (i % 5))) & 31];
  }
  return `p-${name}`;
}

/** Spreads every bit of a 32-bit word over all others: texts that differ in their last digit only must look different. */
function mixed(word: number): number {
  let out = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  out = Math.imul(out ^ (out >>> 13), 0xc2b2ae35);
  return (out ^ (out >>> 16)) >>> 0;
}
