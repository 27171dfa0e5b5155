// What the accuracy benchmark must reach with rtmdet-nano-person-384x512: the numbers that the project promises.
import type { Score } from './scorer.ts';

const leastIdf1 = 0.8;
const leastMota = 0.8;
const leastAcrossIdf1 = 0.75;
/** How much lower a figure may be at every third frame. */
const slack = 0.08;

/** One line for each promise that is broken; names are those of main.ts. */
export function brokenPromises(scores: Record<string, Score>): string[] {
  const broken: string[] = [];
  const expect = (name: string, figure: 'idf1' | 'mota', value: number, least: number) => {
    if (value < least)
      broken.push(`${name}: ${figure.toUpperCase()} ${value.toFixed(3)} is below ${least.toFixed(3)}`);
  };
  for (const [name, { idf1, mota }] of Object.entries(scores)) {
    const isCamera = /^(pets|halves) every \d+:/.test(name);
    if (isCamera && name.includes('every 1:')) {
      expect(name, 'idf1', idf1, leastIdf1);
      expect(name, 'mota', mota, leastMota);
    }
    const full = scores[name.replace('every 3:', 'every 1:')];
    if (isCamera && name.includes('every 3:') && full !== undefined) {
      expect(name, 'idf1', idf1, full.idf1 - slack);
      expect(name, 'mota', mota, full.mota - slack);
    }
    if (name === 'identities every 1 across') expect(name, 'idf1', idf1, leastAcrossIdf1);
    const across = scores['identities every 1 across'];
    if (name === 'identities every 3 across' && across !== undefined)
      expect(name, 'idf1', idf1, across.idf1 - slack);
  }
  return broken;
}
