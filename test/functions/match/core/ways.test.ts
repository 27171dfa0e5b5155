// What is learned about ways between cameras: it tells usual from unusual, and little else.
import { expect, test } from '@jest/globals';
import { defaultSettings } from '../../../../functions/match/core/settings.ts';
import type { Stay } from '../../../../functions/match/core/trace.ts';
import { createWays, type Link } from '../../../../functions/match/core/ways.ts';
import { random } from '../world.ts';

const stay = (camera: string, from: number, to: number): Stay => ({
  camera,
  from,
  to,
  open: false,
  entry: undefined,
  exit: undefined,
});
const oddsOf = (ways: ReturnType<typeof createWays>, from: string, to: string, gapS: number) =>
  ways.odds(stay(from, 0, 100), stay(to, 100 + gapS, 200 + gapS));

const usual = (count: number): Link[] =>
  Array.from({ length: count }, (_, i) => ({ from: 'gate', to: 'hall', gapS: 11 + (i % 4) }));

test('the usual way counts for somebody, another time or another camera against', () => {
  const ways = createWays(4, defaultSettings);
  ways.learn(usual(60));
  expect(oddsOf(ways, 'gate', 'hall', 12)).toBeGreaterThan(oddsOf(ways, 'gate', 'hall', 200) + 1);
  expect(oddsOf(ways, 'gate', 'hall', 200)).toBeLessThan(-1);
  expect(oddsOf(ways, 'gate', 'yard', 12)).toBeLessThan(-1);
  expect(ways.report(10)).toMatchObject([{ from: 'gate', to: 'hall', people: 60, share: 1 }]);
  const [way] = ways.report(10);
  expect(way!.quickS).toBeGreaterThanOrEqual(10);
  expect(way!.usualS).toBeLessThan(15);
});

test('nothing counts beyond the floor and the ceiling, however much was seen', () => {
  const ways = createWays(30, defaultSettings);
  ways.learn(usual(5000));
  for (const gapS of [0.5, 12, 50, 5000, 1e6]) {
    for (const to of ['hall', 'yard']) {
      const value = oddsOf(ways, 'gate', to, gapS);
      expect(value).toBeGreaterThanOrEqual(defaultSettings.transitionFloor);
      expect(value).toBeLessThanOrEqual(defaultSettings.transitionCeiling);
    }
  }
});

test('a few people change little, nobody changes nothing', () => {
  const ways = createWays(4, defaultSettings);
  expect(oddsOf(ways, 'gate', 'hall', 12)).toBe(0);
  ways.learn(usual(2));
  expect(Math.abs(oddsOf(ways, 'gate', 'yard', 12))).toBeLessThan(0.5);
  expect(oddsOf(ways, 'hall', 'gate', 12)).toBe(0);
});

test('a site without regular ways is left alone: on average its people gain and lose nothing', () => {
  const ways = createWays(3, defaultSettings);
  const next = random(7);
  const links = Array.from({ length: 2000 }, (): Link => {
    const to = next() < 0.5 ? 'hall' : 'yard';
    return { from: 'gate', to, gapS: 10 * (Math.exp(next() * Math.log(481)) - 1) + 1e-3 };
  });
  ways.learn(links);
  const odds = links.map(({ to, gapS }) => oddsOf(ways, 'gate', to, gapS));
  expect(Math.abs(odds.reduce((sum, value) => sum + value, 0) / odds.length)).toBeLessThan(0.05);
  expect(Math.max(...odds.map(Math.abs))).toBeLessThan(0.6);
});

test('what left the memory is still known, also after a restart, and stays bounded', () => {
  const ways = createWays(4, defaultSettings);
  ways.retire(usual(50));
  ways.learn(usual(10));
  const again = createWays(4, defaultSettings);
  again.restore(JSON.parse(JSON.stringify(ways.state())) as ReturnType<typeof ways.state>);
  again.learn(usual(10));
  expect(again.report(5)).toEqual(ways.report(5));
  expect(oddsOf(again, 'gate', 'hall', 12)).toBe(oddsOf(ways, 'gate', 'hall', 12));
  const many = createWays(4, defaultSettings);
  many.retire(
    Array.from({ length: 9000 }, (_, i) => ({ from: `a${i % 90}`, to: `b${Math.floor(i / 90)}`, gapS: 5 })),
  );
  expect(many.state().length).toBeLessThanOrEqual(2000);
  many.retire(Array.from({ length: 20_000 }, () => ({ from: 'gate', to: 'hall', gapS: 5 })));
  const gate = many.state().find(([from]) => from === 'gate')!;
  expect(gate[2].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(4000);
});
