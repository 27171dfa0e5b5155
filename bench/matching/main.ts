// `npm run bench:matching`: identities across cameras of our matcher and of plain ways, on real people.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { defaultSettings, type MatchSettings } from '../../functions/match/core/settings.ts';
import type { Topology } from '../../functions/match/core/stays.ts';
import { petsTruth, petsViews } from '../accuracy/sequences.ts';
import { recordMarket, withPeople } from './marketStreams.ts';
import { matchAlone, matchNearest, matchOffline, matchOnline } from './matchers.ts';
import { cachedRecording, type Recording } from './recording.ts';
import { scoreBoxes, scoreTracks, type Identities, type Scores } from './scores.ts';
import { recordSplitView, splitCameras } from './splitView.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', default: 'reid-0286' },
    strides: { type: 'string', default: '1,3,6' },
    set: { type: 'string', multiple: true, default: [] },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:matching -- [--embedder row] [--detector row] [--strides 1,3,6] [--set name=value]... [--cache folder]
  --set   a number of functions/match/core/settings.ts, such as --set slope=20
Market-1501: settings are tuned on half of the people ("tune") and checked on the other half ("check").
Needs ../shared (SHARED_DIR).`);
  process.exit(0);
}

const dataFolder = join(shared, 'data');
const detector = resolveModel({ name: values.detector }, 'detect');
const embedder = resolveModel({ name: values.embedder }, 'embed');
const settings: MatchSettings = {
  ...defaultSettings,
  threshold: embedder.sameThreshold ?? defaultSettings.threshold,
  margin: embedder.margin ?? defaultSettings.margin,
  ...ownNumbers(values.set),
};
const visitS = 6;
const apart: Topology = { overlap: () => false, travel: () => undefined, transition: () => 0 };
// The clocks of Market's cameras agree only roughly, and some of their views overlap.
const overlapping: Topology = { ...apart, overlap: () => true };

console.log(`embedder ${embedder.name}, threshold ${settings.threshold}, margin ${settings.margin}\n`);
console.log(
  'set                method          IDF1   precision recall  purity  identities/people  ms/tracklet',
);
await market();
for (const stride of values.strides.split(',').map(Number)) await splitView(stride);

async function market(): Promise<void> {
  const whole = await cachedRecording(values.cache, `market-${embedder.name}`, () =>
    recordMarket(dataFolder, embedder),
  );
  // The set has even numbers only.
  const isTune = (person: string) => Number(person) % 4 === 0;
  for (const recording of [
    withPeople(whole, 'market tune', isTune),
    withPeople(whole, 'market check', (person) => !isTune(person)),
  ]) {
    compare(recording, overlapping, (identities) => scoreTracks(recording, identities));
  }
}

async function splitView(stride: number): Promise<void> {
  const key = `split-${detector.name}-${embedder.name}-${stride}`;
  const recording = await cachedRecording(values.cache, key, () =>
    recordSplitView(dataFolder, detector, embedder, stride),
  );
  const truth = new Map(
    splitCameras.map((camera) => [camera as string, petsTruth(dataFolder, petsViews[camera])]),
  );
  const score = (identities: Identities) => scoreBoxes(recording, identities, truth, stride);
  compare(recording, apart, score);
  // This truth gives a new number to a person who leaves and comes back: a task can ask for visits instead of people.
  const visits = matchOnline(recording, { ...settings, maxAbsenceS: visitS }, apart);
  print('', 'ours, visits', score(visits.final), visits.msPerTracklet.toFixed(2));
}

function compare(recording: Recording, topology: Topology, score: (identities: Identities) => Scores): void {
  print(recording.name, 'alone', score(matchAlone(recording)));
  print('', 'nearest', score(matchNearest(recording, settings.threshold)));
  print('', 'offline', score(matchOffline(recording, settings.threshold)));
  const { live, final, msPerTracklet } = matchOnline(recording, settings, topology);
  print('', 'ours, live', score(live));
  print('', 'ours', score(final), msPerTracklet.toFixed(2));
}

function print(set: string, method: string, scores: Scores, ms = ''): void {
  const figures = [scores.idf1, scores.precision, scores.recall, scores.purity].map((value) =>
    value.toFixed(3).padEnd(8),
  );
  const counts = `${scores.identities}/${scores.people}`;
  console.log(`${set.padEnd(18)} ${method.padEnd(12)} ${figures.join('')} ${counts.padEnd(12)} ${ms}`);
}

/** `name=value` pairs of the command line. */
function ownNumbers(pairs: string[]): Partial<MatchSettings> {
  const numbers: Record<string, number> = {};
  for (const pair of pairs) {
    const [name, value] = pair.split('=');
    numbers[name!] = Number(value);
  }
  return numbers;
}
