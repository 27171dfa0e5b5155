// The tables of docs/benchmarks.md on identities, made of the benchmark's rows. Called by main.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import { markdownTable } from '../machine.ts';
import { binned, calibrationError } from './reliability.ts';
import { methods, type Row } from './rows.ts';

const documentPath = 'docs/benchmarks.md';

/** Replaces the table between the document's two marks of that name. */
export function writeTable(name: string, table: string): void {
  const text = readFileSync(documentPath, 'utf8');
  const [start, end] = [`<!-- identity: ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  // A table without a place in the document is for the console alone.
  if (from < 0 || to < from) return;
  writeFileSync(documentPath, `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`);
}

export function scoreTable(rows: readonly Row[]): string {
  const columns = [
    methods.alone,
    methods.nearest,
    methods.offline,
    methods.live,
    methods.ours,
    methods.perfect,
  ];
  const header = ['set', 'rate', ...columns];
  return markdownTable(
    header,
    [...bySet(rows)].map(([, group]) => [
      group[0]!.set,
      rate(group[0]!),
      ...columns.map((method) => score(group.find((row) => row.method === method))),
    ]),
  );
}

export function ablationTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.map(({ method }) => method))];
  return markdownTable(
    ['set', ...columns],
    [...bySet(rows)].map(([, group]) => [
      group[0]!.set,
      ...columns.map((method) => score(group.find((row) => row.method === method))),
    ]),
  );
}

/** Media seconds until tracks have an identity. */
export function delayTable(rows: readonly Row[]): string {
  const groups = [...bySet(rows.filter(({ delaysS }) => delaysS))];
  return markdownTable(
    ['set', 'rate', 'median, s', '95 of 100, s', 'longest, s'],
    groups.map(([, group]) => {
      const all = group.flatMap(({ delaysS }) => delaysS!).sort((a, b) => a - b);
      const at = (part: number) => all[Math.min(all.length - 1, Math.floor(part * all.length))]!.toFixed(1);
      return [group[0]!.set, rate(group[0]!), at(0.5), at(0.95), at(1)];
    }),
  );
}

/** What was stated and what came true, of joins in all sets that nothing was chosen on. */
export function reliabilityTable(rows: readonly Row[]): string {
  const joins = rows.filter(({ set }) => set !== 'Market, tune').flatMap((row) => row.joins ?? []);
  const lines = binned(joins)
    .filter((bin) => bin.joins > 0)
    .map((bin) => [
      rows[0]!.embedder,
      `from ${bin.from}`,
      String(bin.joins),
      figure(bin.stated),
      figure(bin.observed),
    ]);
  const all = [rows[0]!.embedder, 'all', String(joins.length), 'error', figure(calibrationError(joins))];
  return markdownTable(['embedder', 'log-odds', 'joins', 'stated', 'right'], [...lines, all]);
}

function bySet(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  const names = [...new Set(rows.map(({ set }) => set))];
  const ordered = rows.toSorted((a, b) => names.indexOf(a.set) - names.indexOf(b.set) || a.stride - b.stride);
  for (const row of ordered) {
    const key = `${row.set} ${row.stride}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function rate({ stride }: Row): string {
  return stride === 1 ? '1' : `1/${stride}`;
}

function score(row: Row | undefined): string {
  return row ? figure(row.scores.idf1) : '';
}

export function figure(value: number): string {
  return value.toFixed(3).replace(/^0/, '');
}
