// Thresholds that follow the site, and what is said when an embedder fails silently.
import { expect, test } from '@jest/globals';
import { createMatcher } from '../../../../functions/match/core/matcher.ts';
import { defaultSettings, type MatchSettings } from '../../../../functions/match/core/settings.ts';
import { random } from '../world.ts';

const dimensions = 32;
const apart = { overlap: () => false, travel: () => undefined };

interface Site {
  people: number;
  /** How much of a look all people share, 0..1. */
  alike: number;
  /** How much a look differs from one picture of the person to the next. */
  noise: number;
  /** Changes a vector on its way. */
  spoil?: (vector: Int8Array) => Int8Array;
  /** Which of the people it happens to. */
  spoiled?: (person: number) => boolean;
}

/** Groups of four people who walk by one camera together, each seen twice by it. */
function watch(site: Site, settings: Partial<MatchSettings> = {}) {
  const matcher = createMatcher(
    ['gate', 'hall'],
    { ...defaultSettings, regroupBelow: 0, ...settings },
    apart,
  );
  const next = random(17);
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const common = Float64Array.from({ length: dimensions }, gaussian);
  for (let person = 0; person < site.people; person++) {
    const own = Float64Array.from({ length: dimensions }, gaussian);
    const look = (): Int8Array => {
      const values = own.map(
        (value, i) =>
          Math.sqrt(site.alike) * common[i]! + Math.sqrt(1 - site.alike) * value + site.noise * gaussian(),
      );
      const largest = Math.max(...values.map(Math.abs));
      const vector = Int8Array.from(values, (value) => Math.round((value / largest) * 127));
      return site.spoil && (site.spoiled?.(person) ?? true) ? site.spoil(vector) : vector;
    };
    const from = Math.floor(person / 4) * 60;
    const prototypes = [0, 1].map((slot) => ({
      slot,
      vector: look(),
      scale: 1,
      quality: 0.8,
      time: from + 5 * slot,
      weight: 3,
    }));
    const tracklet = {
      track: `s.${person}`,
      phase: 'end' as const,
      revision: 1,
      from,
      to: from + 8,
      observations: 20,
      path: new Float32Array(0),
      prototypes,
    };
    const image = { width: 640, height: 480 };
    matcher.offer({ camera: 'gate', model: 'digest', image, tracklet }, from + 10 + (person % 4));
    matcher.advance(new Set(['hall']));
  }
  matcher.settle();
  return matcher;
}

test('until enough pairs are known the catalogue counts alone', () => {
  const [known] = watch({ people: 8, alike: 0.2, noise: 0.3 }).report().calibration;
  expect(known!.differentPairs).toBeLessThan(30);
  expect(known!.threshold).toBe(known!.catalogue);
});

test('where different people look alike the threshold rises, within its bounds, and the same way each time', () => {
  // A catalogue threshold far too low: nearly everybody would pass it.
  const site = { people: 120, alike: 0, noise: 0.2 };
  const settings = { threshold: 0.1 };
  const [known] = watch(site, settings).report().calibration;
  expect(known!.differentPairs).toBeGreaterThan(100);
  expect(known!.threshold).toBeGreaterThan(known!.catalogue + 0.05);
  expect(known!.threshold).toBeLessThanOrEqual(known!.catalogue + defaultSettings.calibrationShift);
  expect(known!.site).toBeGreaterThan(known!.threshold);
  expect(watch(site, settings).report().calibration).toEqual([known]);
});

test('it is not lowered only because people differ more than expected', () => {
  const [known] = watch({ people: 120, alike: 0, noise: 0.2 }, { threshold: 0.6 }).report().calibration;
  expect(known!.site).toBeLessThan(known!.catalogue - 0.05);
  expect(known!.threshold).toBe(known!.catalogue);
});

test('it is lowered where it cuts people off from themselves', () => {
  const [known] = watch({ people: 120, alike: 0, noise: 1.1 }, { threshold: 0.75 }).report().calibration;
  expect(known!.threshold).toBeLessThan(known!.catalogue - 0.03);
  expect(known!.threshold).toBeGreaterThan(known!.site);
});

test('a chosen threshold stays as it is', () => {
  const settings = { threshold: 0.1, calibrationShift: 0 };
  const [known] = watch({ people: 120, alike: 0, noise: 0.2 }, settings).report().calibration;
  expect(known!.threshold).toBe(known!.catalogue);
});

test('pairs that left the memory still count, and a restart knows them', () => {
  const site = { people: 160, alike: 0, noise: 0.2 };
  const settings = { threshold: 0.1, maxTraces: 40 };
  const matcher = watch(site, settings);
  const { learned, touched } = matcher.takeDelta();
  const [before] = matcher.report().calibration;
  expect(before!.differentPairs).toBeGreaterThan(150);
  const again = createMatcher(['gate', 'hall'], { ...defaultSettings, ...settings }, apart);
  expect(touched.length).toBeGreaterThan(0);
  again.restore([...matcher.all()], new Map(), [], JSON.parse(JSON.stringify(learned)) as typeof learned);
  again.settle();
  // Six pairs a group of four, each counted once.
  const pairs = again.report().calibration[0]!.differentPairs;
  expect(pairs).toBeGreaterThanOrEqual(before!.differentPairs);
  expect(pairs).toBeLessThanOrEqual((6 * site.people) / 4);
});

const healthy = { people: 60, alike: 0.2, noise: 0.3 };

test('a healthy site has no problems', () => {
  expect(watch(healthy).report().problems).toEqual([]);
});

test.each<[string, Partial<Site>, RegExp]>([
  [
    'vectors without content',
    { spoil: (vector) => vector.map(() => 0) },
    /^camera gate: the embedder gives empty vectors \(\d+ of the last \d+ tracks\): check/,
  ],
  [
    'one vector for everybody',
    { spoil: () => Int8Array.from({ length: dimensions }, (_, i) => i + 1) },
    /^camera gate: the embedder gives everybody the same vector/,
  ],
  [
    'collapsed variance',
    { alike: 0.97, noise: 0.1 },
    /^camera gate: people seen at one time look like one person .*tell nobody apart/,
  ],
  [
    'people who are unlike themselves',
    { alike: 0, noise: 4 },
    /^camera gate: one person looks like several within one track/,
  ],
])('%s is noticed and said in words', (_, change, words) => {
  const { problems } = watch({ ...healthy, ...change }).report();
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(words);
});

test('an embedder that fails after a healthy start is noticed, and that it was repaired too', () => {
  const empty = (vector: Int8Array) => vector.map(() => 0);
  const broken = watch({ ...healthy, people: 160, spoil: empty, spoiled: (person) => person >= 100 });
  expect(broken.report().problems[0]).toMatch(/gives empty vectors/);
  const repaired = watch({
    ...healthy,
    people: 240,
    spoil: empty,
    spoiled: (person) => person >= 80 && person < 160,
  });
  expect(repaired.report().problems).toEqual([]);
});

test('what a tracklet costs does not grow with the history', () => {
  const costs = [100, 200, 300].map((people) =>
    watch({ ...healthy, people }, { maxTraces: 30 }).comparisons(),
  );
  const [first, second] = [costs[1]! - costs[0]!, costs[2]! - costs[1]!];
  expect(first).toBeGreaterThan(0);
  expect(second).toBeLessThan(first * 1.1);
  expect(watch({ ...healthy, people: 300 }, { maxTraces: 30 }).traces()).toBeLessThanOrEqual(80);
});
