// The threat model names the test of each row: a row whose test is gone, or has another name, is no row.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const page = readFileSync('docs/security.md', 'utf8');
const section = page.slice(page.indexOf('## Threats'), page.indexOf('## What remains'));
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|\s*(threat|-)/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('the table is there', () => {
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) expect(row).toHaveLength(3);
});

test.each(rows.map(([threat = '', , where = '']) => [threat, where] as const))(
  '%s: its test exists',
  (_threat, where) => {
    const [, file = '', name = ''] = /^`(test\/[^`]+\.test\.ts)`: (.+)$/.exec(where) ?? [];
    expect(existsSync(file)).toBe(true);
    // As a string literal of the file: a title, or the first cell of a case.
    expect(readFileSync(file, 'utf8')).toMatch(
      new RegExp(`['"\`]${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"\`]`),
    );
  },
);

test('every setting that it names is one that the controller reads', () => {
  const settings = new Set(page.match(/MEI_[A-Z_]+/g));
  const source =
    readFileSync('controller/settings.ts', 'utf8') + readFileSync('controller/objects/manifest.ts', 'utf8');
  for (const setting of settings) expect(source).toContain(setting);
});
