// The pictures of docs/matching.md, made of what the benchmark found. Called by main.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { traceKey, type Trace } from '../../functions/match/core/trace.ts';
import type { Identities } from '../matching/scores.ts';
import type { Believed } from './believed.ts';
import { binned, type Join } from './reliability.ts';
import type { Row } from './rows.ts';

const ink = '#57606a';
const colours = ['#0969da', '#cf222e', '#1a7f37', '#9a6700', '#8250df', '#bf3989', '#0a7d91', '#57606a'];
const [width, height] = [640, 260];
const frame = { left: 40, top: 16, right: 16, bottom: 36 };

/** All of them, of what was found at full rate; sets that were left out leave their picture as it is. */
export function drawPictures(rows: readonly Row[], folder: string): void {
  const of = (set: string) => rows.find((row) => row.set === set && row.stride === 1 && row.drawn)?.drawn;
  const [market, ground] = [of('Market, check'), of('MultiviewX')];
  if (market) drawSimilarities(folder, market.believed, market.people);
  if (ground) drawGround(folder, ground.believed, ground.found);
  drawPromises(
    folder,
    rows.filter(({ set }) => set !== 'Market, tune').flatMap(({ joins }) => joins ?? []),
  );
}

/** How similar tracks of one person and of two are between cameras, and where the threshold lies. */
function drawSimilarities(
  folder: string,
  { traces, similarities }: Believed,
  people: ReadonlyMap<string, string>,
): void {
  const bins = 50;
  const [same, different] = [new Array<number>(bins).fill(0), new Array<number>(bins).fill(0)];
  const person = ({ camera, track }: Trace) => people.get(traceKey(camera, track));
  const [from, to] = [-0.5, 1];
  const bin = (value: number) =>
    Math.min(bins - 1, Math.max(0, Math.floor(((value - from) / (to - from)) * bins)));
  for (const [i, a] of traces.entries()) {
    for (const b of traces.slice(i + 1)) {
      if (a.camera === b.camera || person(a) === undefined || person(b) === undefined) continue;
      (person(a) === person(b) ? same : different)[bin(similarities.of(a, b))]! += 1;
    }
  }
  const { x, y } = axes(from, to);
  const curve = (counts: number[], colour: string) => {
    const most = Math.max(...counts);
    const points = counts.map((n, i) => `${x(from + ((i + 0.5) / bins) * (to - from))},${y(n / most)}`);
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  };
  const at = similarities.threshold(traces[0]!.model);
  write(folder, 'matching-similarity', [
    curve(different, colours[1]!),
    curve(same, colours[0]!),
    `<line x1="${x(at)}" x2="${x(at)}" y1="${y(0)}" y2="${y(1)}" stroke="${ink}" stroke-dasharray="4 3"/>`,
    label(x(at) + 4, y(1) + 10, 'threshold'),
    label(x(0) - 60, y(1) + 10, 'two people', colours[1]),
    label(x(0.75), y(1) + 10, 'one person', colours[0]),
    ...[-0.5, 0, 0.5, 1].map((value) => label(x(value) - 8, height - 20, String(value))),
    label(width / 2 - 150, height - 4, 'similarity of two tracks, what cameras share taken away'),
  ]);
}

/** Of joins that the matcher was so sure of, how many were right. */
function drawPromises(folder: string, joins: readonly Join[]): void {
  const { x, y } = axes(0.5, 1);
  const half = (share: number) => y((share - 0.5) * 2);
  const bins = binned(joins).filter((each) => each.joins >= 5 && each.observed >= 0.5);
  write(folder, 'matching-promises', [
    `<line x1="${x(0.5)}" y1="${half(0.5)}" x2="${x(1)}" y2="${half(1)}" stroke="${ink}" stroke-dasharray="4 3"/>`,
    ...bins.flatMap(({ stated, observed, joins: count }) => [
      `<circle cx="${x(stated)}" cy="${half(observed)}" r="5" fill="${colours[0]!}"/>`,
      // The surest lie on one another.
      ...(stated < 0.95 ? [label(x(stated) - 34, half(observed) + 16, `${count} joins`)] : []),
    ]),
    ...[0.5, 0.75, 1].flatMap((share) => [
      label(x(share) - 8, height - 20, String(share)),
      label(8, half(share) + 4, String(share)),
    ]),
    label(width / 2 - 70, height - 4, 'stated probability'),
  ]);
}

/** Walks on the ground as each camera saw them, coloured by the identity that they were given. */
function drawGround(folder: string, { traces }: Believed, found: Identities): void {
  const counts = new Map<string, Trace[]>();
  for (const trace of traces.filter(({ stays }) => (stays[0]!.ground?.points.length ?? 0) >= 8)) {
    const identity = found.get(traceKey(trace.camera, trace.track)) ?? '';
    counts.set(identity, [...(counts.get(identity) ?? []), trace]);
  }
  const shown = [...counts].sort((a, b) => b[1].length - a[1].length).slice(0, colours.length);
  const points = shown.flatMap(([, members]) =>
    members.flatMap(({ stays }) => placesOf(stays[0]!.ground!.points)),
  );
  const [left, right] = extent(points.map(([x]) => x));
  const [near, far] = extent(points.map(([, y]) => y));
  const scale = Math.min((width - 120) / (right - left), (height - 40) / (far - near));
  const place = ([x, y]: [number, number]) =>
    `${(20 + (x - left) * scale).toFixed(1)},${(height - 20 - (y - near) * scale).toFixed(1)}`;
  write(folder, 'matching-ground', [
    ...shown.flatMap(([, members], i) =>
      members.map(
        ({ stays }) =>
          `<polyline points="${placesOf(stays[0]!.ground!.points).map(place).join(' ')}" fill="none" stroke="${colours[i]!}" stroke-width="2" stroke-opacity="0.8"/>`,
      ),
    ),
    ...shown.map(([name, members], i) =>
      label(width - 170, 20 + 16 * i, `${name}: ${members.length} tracks`, colours[i]),
    ),
    `<line x1="20" x2="${20 + 5 * scale}" y1="${height - 8}" y2="${height - 8}" stroke="${ink}" stroke-width="2"/>`,
    label(26 + 5 * scale, height - 4, '5 m'),
  ]);
}

function placesOf(points: readonly number[]): [number, number][] {
  return Array.from({ length: points.length / 4 }, (_, i) => [points[4 * i + 1]!, points[4 * i + 2]!]);
}

function extent(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** From values to pixels; heights are shares of the whole. */
function axes(from: number, to: number) {
  const [across, up] = [width - frame.left - frame.right, height - frame.top - frame.bottom];
  return {
    x: (value: number) => round(frame.left + ((value - from) / (to - from)) * across),
    y: (share: number) => round(frame.top + (1 - share) * up),
  };
}

function label(x: number, y: number, text: string, colour = ink): string {
  return `<text x="${round(x)}" y="${round(y)}" fill="${colour}">${text}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function write(folder: string, name: string, parts: readonly string[]): void {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`;
  const paper = `<rect width="${width}" height="${height}" fill="#ffffff"/>`;
  writeFileSync(join(folder, `${name}.svg`), [open, paper, ...parts, '</svg>', ''].join('\n'));
}
