// What matching learned about the site, from the report to the status that people read.
import { expect, test } from '@jest/globals';
import type { ReportData, SiteInfo } from '../../../config/events.ts';
import { checkReport } from '../../../functions/host/payloads.ts';
import { siteInfoOf } from '../../../functions/match/siteInfo.ts';
import { emptyLedger, record } from '../../../functions/status/core/ledger.ts';
import { statusOf } from '../../../functions/status/core/rollup.ts';

const site: SiteInfo = {
  calibration: [{ model: 'digest', threshold: 0.31, given: 0.27, differentPairs: 400, samePairs: 90 }],
  ways: [{ from: 'gate', to: 'hall', people: 12, share: 0.75, quickS: 4, usualS: 6.5, slowS: 20 }],
  wayFloor: 0.2,
  problems: ['camera gate: the embedder gives empty vectors'],
};

const report = (own: SiteInfo | undefined): ReportData => ({
  task: 'shop',
  namespace: 'default',
  node: 'cloud',
  worker: 'shop-match',
  stage: 'match',
  sequence: 1,
  time: 1_700_000_000,
  phase: 'Running',
  cameras: [],
  figures: {},
  ...(own && { output: { site: own } }),
});

function statusFrom(own: SiteInfo | undefined) {
  const ledger = emptyLedger();
  record(ledger, report(own));
  return statusOf(ledger, ['gate']);
}

test('the status shows thresholds, ways and problems, and is Degraded while there are some', () => {
  const status = statusFrom(site);
  expect(status.output?.site?.calibration).toEqual(site.calibration);
  expect(status.output?.site?.ways).toEqual([
    {
      from: 'gate',
      to: 'hall',
      people: 12,
      share: 0.75,
      quickSeconds: 4,
      usualSeconds: 6.5,
      slowSeconds: 20,
    },
  ]);
  expect(status.output?.site?.wayFloor).toBe(0.2);
  expect(status.output?.site?.problems).toEqual(site.problems);
  expect(status.phase).toBe('Degraded');
  expect(statusFrom({ ...site, problems: [] }).phase).toBe('Running');
  expect(statusFrom(undefined).output).toBeUndefined();
});

test('a report with more than the status may hold is refused with the place', () => {
  expect(checkReport(report(site))).toBeDefined();
  const ways = Array.from({ length: 65 }, () => site.ways[0]!);
  expect(() => checkReport(report({ ...site, ways }))).toThrow(/data\.output\.site\.ways/);
  const [known] = site.calibration;
  const calibration = [{ ...known!, threshold: NaN }];
  expect(() => checkReport(report({ ...site, calibration }))).toThrow(
    /data\.output\.site\.calibration\[0\]\.threshold/,
  );
});

test('what the matcher found out is rounded and bounded on its way', () => {
  const info = siteInfoOf({
    calibration: [
      { model: 'digest', catalogue: 0.16543, threshold: 0.20789, site: NaN, differentPairs: 7, samePairs: 3 },
    ],
    ways: [{ from: 'gate', to: 'hall', people: 3, share: 0.456, quickS: 1.234, usualS: 2.345, slowS: 3.456 }],
    wayFloor: 0.2,
    problems: Array.from({ length: 40 }, () => 'x'.repeat(2000)),
  });
  expect(info.calibration[0]).toMatchObject({ threshold: 0.21, given: 0.17 });
  expect(info.ways[0]).toMatchObject({ share: 0.46, quickS: 1.2, usualS: 2.3, slowS: 3.5 });
  expect(checkReport(report(info))).toBeDefined();
});
