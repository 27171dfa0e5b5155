// The recordings that identities are scored on, each with its truth. Called by main.ts.
import type { ModelConfig } from '../../config/worker.ts';
import type { GivenTopology } from '../../functions/match/core/stays.ts';
import { petsTruth, petsViews } from '../accuracy/sequences.ts';
import { recordMarket, withPeople } from '../matching/marketStreams.ts';
import { multiviewXTruth, recordMultiviewX } from '../matching/multiviewX.ts';
import { cachedRecording, type Recording } from '../matching/recording.ts';
import { peopleOfTracks, scoreBoxes, scoreTracks, type Identities, type Scores } from '../matching/scores.ts';
import { recordSplitView, splitCameras } from '../matching/splitView.ts';
import { recordWildtrack } from '../matching/wildtrack.ts';

export interface IdentitySet {
  recording: Recording;
  topology: GivenTopology;
  score: (identities: Identities) => Scores;
  /** Person of each track, `camera/track`. */
  people: ReadonlyMap<string, string>;
  /** Truth counts visits: somebody who was seen nowhere for so many seconds is somebody new. */
  visitS?: number;
}

export interface Sources {
  dataFolder: string;
  cacheFolder: string;
  detector: ModelConfig;
  embedder: ModelConfig;
}

const apart: GivenTopology = { overlap: () => false, travel: () => undefined };
/** The clocks of Market's cameras agree only roughly, and some of their views overlap. */
const overlapping: GivenTopology = { ...apart, overlap: () => true };
/** PETS09's truth gives a person who leaves and returns a new number. */
const petsVisitS = 6;

/** All sets at one frame rate; `only` names the wanted ones, all when it is empty. */
export async function setsAt(
  stride: number,
  sources: Sources,
  only: readonly string[],
): Promise<IdentitySet[]> {
  const sets: IdentitySet[] = [];
  for (const [name, make] of Object.entries({ market, split, wildtrack, multiviewx })) {
    if (only.length === 0 || only.includes(name)) sets.push(...(await make(stride, sources)));
  }
  return sets;
}

async function market(stride: number, sources: Sources): Promise<IdentitySet[]> {
  const whole = await marketRecording(stride, sources);
  // The set has even numbers only.
  const isTune = (person: string) => Number(person) % 4 === 0;
  return [
    withPeople(whole, `market tune 1/${stride}`, isTune),
    withPeople(whole, `market check 1/${stride}`, (person) => !isTune(person)),
  ].map((recording) => ofTracks(recording, overlapping));
}

async function split(stride: number, sources: Sources): Promise<IdentitySet[]> {
  const { dataFolder, detector, embedder } = sources;
  const key = `split-${detector.name}-${embedder.name}-${stride}`;
  const recording = await cachedRecording(sources.cacheFolder, key, () =>
    recordSplitView(dataFolder, detector, embedder, stride),
  );
  const truth = new Map(
    splitCameras.map((camera) => [camera as string, petsTruth(dataFolder, petsViews[camera])]),
  );
  return [
    {
      recording,
      topology: apart,
      score: (identities) => scoreBoxes(recording, identities, truth, stride),
      people: peopleOfTracks(recording, truth, stride),
      visitS: petsVisitS,
    },
  ];
}

async function wildtrack(stride: number, sources: Sources): Promise<IdentitySet[]> {
  const lenders = await marketRecording(1, sources);
  return [ofTracks(recordWildtrack(sources.dataFolder, lenders, stride), overlapping)];
}

async function multiviewx(stride: number, sources: Sources): Promise<IdentitySet[]> {
  // Ten frames: with fewer than four there is nothing to follow.
  if (stride > 3) return [];
  const { dataFolder, detector, embedder } = sources;
  const key = `multiviewx-${detector.name}-${embedder.name}-${stride}`;
  const recording = await cachedRecording(sources.cacheFolder, key, () =>
    recordMultiviewX(dataFolder, detector, embedder, stride),
  );
  const truth = multiviewXTruth(dataFolder);
  return [
    {
      recording,
      topology: overlapping,
      score: (identities) => scoreBoxes(recording, identities, truth, stride),
      people: peopleOfTracks(recording, truth, stride),
    },
  ];
}

function marketRecording(stride: number, { dataFolder, cacheFolder, embedder }: Sources): Promise<Recording> {
  const key = stride === 1 ? `market-${embedder.name}` : `market-${embedder.name}-${stride}`;
  return cachedRecording(cacheFolder, key, () => recordMarket(dataFolder, embedder, stride));
}

function ofTracks(recording: Recording, topology: GivenTopology): IdentitySet {
  return {
    recording,
    topology,
    score: (identities) => scoreTracks(recording, identities),
    people: recording.people!,
  };
}
