// The numbers that shape decisions, each with its unit and effect. options.ts fills them from the task; the core reads them.

export interface MatchSettings {
  /** Whether people may keep their identity from one camera to another. */
  acrossCamera: boolean;
  /** Cosine similarity of two raw vectors at which "same" and "different" are equally likely. */
  threshold: number;
  /** Cosine similarity by which the best identity must lead the next distinct one. */
  margin: number;
  /** Log-odds that decide between rivals closer than the margin. */
  ambiguousOdds: number;
  /** Two groups of several tracks join down to so many log-odds below zero when both lead all others by as many; 0: never. */
  leadOdds: number;
  /** Revisions of a track that must agree before its identity is announced. */
  votes: number;
  /** Media seconds after which a track is announced with whatever was decided so far. */
  deadlineS: number;
  /** Media seconds between two evaluations. */
  tickS: number;
  /** Media seconds between two groupings from nothing; in between only what changed is grouped again. */
  regroupS: number;
  /** Media seconds between two looks at what the site teaches. */
  learnS: number;
  /** A grouping from nothing waits for one new revision for so many traces, so that its cost is spread over them. */
  regroupShare: number;
  /** With at most so many traces every grouping is from nothing. */
  regroupBelow: number;
  /** Log-odds for each unit of similarity above the threshold. */
  slope: number;
  /** Share of the best pair of vectors in a similarity; the rest is the similarity of the mean vectors. */
  bestPairShare: number;
  /** Bounds of what appearance alone can say, log-odds. */
  appearanceFloor: number;
  appearanceCeiling: number;
  /** People a camera's mean vector needs before it counts half; more makes subtraction more careful. */
  meanShrinkage: number;
  /** Extra log-odds asked of two tracks of one camera. */
  sameCameraPenalty: number;
  /** Log-odds lost for each natural logarithm of (1 + gap / gapScaleS). */
  gapWeight: number;
  gapScaleS: number;
  /** Log-odds that a gap takes away at most. */
  gapFloor: number;
  /** Seconds after which a person who was seen nowhere counts as a new visitor; Infinity: never. */
  maxAbsenceS: number;
  /** Seconds for which two cameras that do not overlap may both show a person who crosses their border. */
  handoverS: number;
  /** Seconds of absence after which a place in one camera says nothing about the person. */
  motionMemoryS: number;
  /** Log-odds a well continued path adds at most, and a jump takes away at most. */
  motionCeiling: number;
  motionFloor: number;
  /** Log-odds that learned transitions between two cameras add or take away at most. */
  transitionCeiling: number;
  transitionFloor: number;
  /** Links that a camera needs before what was learned of its ways counts half. */
  wayMemory: number;
  /** Share that any other way keeps, however many people went the usual ones. */
  wayFloorShare: number;
  /** Ground plane: one standard deviation of what calibration and clocks are wrong by, metres. */
  positionErrorM: number;
  /** Log-odds that places on the ground at one time add or take away at most. */
  positionCeiling: number;
  positionFloor: number;
  /** Ground plane: two who stay further apart than this, beyond all errors, are two people, metres. */
  apartM: number;
  /** Ground plane: nobody is faster, metres a second. */
  fastestMps: number;
  /** Share of different people that may look alike: where calibration puts the threshold. */
  falseMatchRate: number;
  /** Pairs that the site must give before its own threshold counts half. */
  calibrationPairs: number;
  /** Cosine similarity by which calibration moves the threshold at most; 0: it stays as given. */
  calibrationShift: number;
  /** Log-odds from appearance alone that make a match sure enough to learn from. */
  sureOdds: number;
  /** Traces held in memory; the oldest are condensed into their identity, then retired to the store. */
  maxTraces: number;
  /** Vectors kept of a condensed identity. */
  maxVectors: number;
  /** Stays kept of a condensed identity. */
  maxStays: number;
  /** Media seconds without news after which an open track counts as ended. */
  staleS: number;
  /** Revisions that may wait for slower cameras. */
  maxWaiting: number;
}

export const defaultSettings: MatchSettings = {
  acrossCamera: true,
  threshold: 0.5,
  margin: 0.05,
  ambiguousOdds: 2,
  leadOdds: 1.5,
  votes: 2,
  deadlineS: 4,
  tickS: 1,
  regroupS: 10,
  learnS: 10,
  regroupShare: 16,
  regroupBelow: 150,
  slope: 16,
  bestPairShare: 0.5,
  appearanceFloor: -16,
  appearanceCeiling: 12,
  meanShrinkage: 12,
  sameCameraPenalty: 0,
  gapWeight: 1,
  gapScaleS: 10,
  gapFloor: -3,
  maxAbsenceS: Infinity,
  handoverS: 1.5,
  motionMemoryS: 4,
  motionCeiling: 3,
  motionFloor: -4,
  transitionCeiling: 3,
  transitionFloor: -1.5,
  wayMemory: 20,
  wayFloorShare: 0.2,
  positionErrorM: 0.4,
  positionCeiling: 4,
  positionFloor: -6,
  apartM: 2,
  fastestMps: 7,
  falseMatchRate: 0.01,
  calibrationPairs: 150,
  calibrationShift: 0.15,
  sureOdds: 4,
  maxTraces: 1000,
  maxVectors: 8,
  maxStays: 32,
  staleS: 60,
  maxWaiting: 20_000,
};
