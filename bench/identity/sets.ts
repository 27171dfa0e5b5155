// The recordings that identities are scored on, each with its truth. Called by main.ts.
import { fileURLToPath } from 'node:url';
import type { ModelConfig } from '../../config/worker.ts';
import type { GivenTopology } from '../../functions/match/core/stays.ts';
import { petsTruth, petsViews } from '../accuracy/sequences.ts';
import { marketRecording, withPeople } from '../matching/marketStreams.ts';
import { multiviewXTruth, recordMultiviewX } from '../matching/multiviewX.ts';
import { cachedRecording, type Recording } from '../matching/recording.ts';
import { peopleOfTracks, scoreBoxes, scoreTracks, type Identities, type Scores } from '../matching/scores.ts';
import { recordSplitView, splitCameras } from '../matching/splitView.ts';
import { recordWildtrack } from '../matching/wildtrack.ts';

export interface IdentitySet {
  name: string;
  /** Every how manyth frame is seen. */
  stride: number;
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

const fileOf = (name: string) => fileURLToPath(new URL(`../matching/${name}.ts`, import.meta.url));
const coreOf = (stage: string) => fileURLToPath(new URL(`../../functions/${stage}/core`, import.meta.url));
const embedCore = coreOf('embed');
/** What recordings of whole stages are made by. */
const stages = [coreOf('detect'), embedCore, fileOf('stagePipeline')];
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
  const whole = await marketRecording(sources.dataFolder, sources.cacheFolder, sources.embedder, stride);
  // The set has even numbers only.
  const isTune = (person: string) => Number(person) % 4 === 0;
  // The embedder on board was trained on the others.
  const people = [...new Set(whole.people!.values())].sort((a, b) => Number(a) - Number(b));
  const unseen = new Set(people.filter((_, i) => i % 5 === 4));
  const part = (name: string, keep: (person: string) => boolean) =>
    ofTracks(name, stride, withPeople(whole, name, keep), overlapping);
  return [
    part('Market, tune', isTune),
    part('Market, check', (person) => !isTune(person)),
    part('Market, unseen', (person) => unseen.has(person)),
  ];
}

async function split(stride: number, sources: Sources): Promise<IdentitySet[]> {
  const { dataFolder, detector, embedder } = sources;
  const key = `split-${detector.name}-${embedder.name}-${stride}`;
  const recording = await cachedRecording(sources.cacheFolder, key, [...stages, fileOf('splitView')], () =>
    recordSplitView(dataFolder, detector, embedder, stride),
  );
  const truth = new Map(
    splitCameras.map((camera) => [camera as string, petsTruth(dataFolder, petsViews[camera])]),
  );
  return [
    {
      name: 'split, visits',
      stride,
      recording,
      topology: apart,
      score: (identities) => scoreBoxes(recording, identities, truth, stride),
      people: peopleOfTracks(recording, truth, stride),
      visitS: petsVisitS,
    },
  ];
}

async function wildtrack(stride: number, sources: Sources): Promise<IdentitySet[]> {
  const lenders = await marketRecording(sources.dataFolder, sources.cacheFolder, sources.embedder, 1);
  const recording = recordWildtrack(sources.dataFolder, lenders, stride);
  return [ofTracks('WILDTRACK', stride, recording, overlapping)];
}

async function multiviewx(stride: number, sources: Sources): Promise<IdentitySet[]> {
  // Ten frames: with fewer than four there is nothing to follow.
  if (stride > 3) return [];
  const { dataFolder, detector, embedder } = sources;
  const key = `multiviewx-${detector.name}-${embedder.name}-${stride}`;
  const recording = await cachedRecording(sources.cacheFolder, key, [...stages, fileOf('multiviewX')], () =>
    recordMultiviewX(dataFolder, detector, embedder, stride),
  );
  const truth = multiviewXTruth(dataFolder);
  return [
    {
      name: 'MultiviewX',
      stride,
      recording,
      topology: overlapping,
      score: (identities) => scoreBoxes(recording, identities, truth, stride),
      people: peopleOfTracks(recording, truth, stride),
    },
  ];
}

function ofTracks(name: string, stride: number, recording: Recording, topology: GivenTopology): IdentitySet {
  return {
    name,
    stride,
    recording,
    topology,
    score: (identities) => scoreTracks(recording, identities),
    people: recording.people!,
  };
}
