// What a task's status says, out of what is known about it. Pure: no clock, no server. reconcile.ts writes the result.
import type { Status } from '../config/schema/status.ts';
import { stageNames } from '../config/worker.ts';
import { complaintsOf } from './complaints.ts';
import type { NodeProgress } from './downstream/downstream.ts';
import { edgeNodes, edgesClaim } from './edges.ts';
import type { WorkerState } from './workers.ts';

export type Condition = NonNullable<Status['conditions']>[number];
type Claim = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
/** Something that is so, or why not; final when only an edit can change it. */
export type Outcome = { isOk: true } | { isOk: false; isFinal: boolean; reason: string; message: string };

export interface Facts {
  generation: number;
  /** RFC 3339; only for conditions that change now. */
  now: string;
  /** The status as it was: conditions keep their times, and the workers' reports are in it. */
  before: Status;
  isSuspended: boolean;
  isCompleted: boolean;
  /** Cameras of the spec. */
  cameras: number;
  /** Digest of the work, see completion.ts. */
  work: string;
  models: Outcome;
  created: Outcome;
  workers: readonly WorkerState[];
  /** How far the task's nodes are; none when there are no local controllers. */
  edges: readonly NodeProgress[];
  /** Objects that others keep changing, in words. */
  quarrels: readonly string[];
  /** Names of the models by stage. */
  modelNames: Partial<Record<string, string>>;
}

/** The controller's part of the status; the status function writes cameras, nodes, output and reports, and counts cameras. */
export type OwnStatus = Required<Pick<Status, 'phase' | 'observedGeneration' | 'conditions' | 'stages'>> &
  Pick<Status, 'completedWork' | 'nodes' | 'camerasConnected'>;

const longestMessage = 1024;

export function statusOf(facts: Facts): OwnStatus {
  const claims = claimsOf(facts);
  const nodes = edgeNodes(facts);
  return {
    phase: phaseOf(facts, claims),
    observedGeneration: facts.generation,
    conditions: claims.map((claim) => conditionOf(claim, facts)),
    stages: stagesOf(facts),
    ...(nodes.length > 0 && { nodes }),
    ...(facts.isCompleted && { completedWork: facts.work }),
    ...(nobodyCounts(facts) && { camerasConnected: `${noneOf}${facts.cameras}` }),
  };
}

const noneOf = '0/';

/**
 * Before workers report, and while none run. What the controller wrote it goes on writing until the status function writes
 * another number: a field that its only owner leaves out is gone.
 */
function nobodyCounts({ before, isSuspended }: Facts): boolean {
  const { cameras = [], camerasConnected } = before;
  return isSuspended || cameras.length === 0 || (camerasConnected?.startsWith(noneOf) ?? true);
}

function claimsOf(facts: Facts): Claim[] {
  return [
    readyClaim(facts),
    outcomeClaim('ModelsResolved', facts.models, 'Resolved', 'all models are known'),
    createdClaim(facts),
    edgesClaim(facts),
    sourcesClaim(facts),
    degradedClaim(facts),
    facts.isCompleted
      ? { type: 'Completed', status: 'True', reason: 'AllDone', message: 'all recordings are worked through' }
      : { type: 'Completed', status: 'False', reason: 'InProgress', message: '' },
  ];
}

function readyClaim({ models, created, isSuspended, isCompleted, workers }: Facts): Claim {
  const not = (reason: string, message: string): Claim => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (!models.isOk) return not(models.reason, models.message);
  if (!created.isOk) return not(created.reason, created.message);
  if (isSuspended) return not('Suspended', 'spec.suspend is true: no workers run, results are kept');
  if (isCompleted)
    return not('Completed', 'all recordings are worked through; workers at the edge have stopped');
  const troubled = workers.find(({ trouble }) => trouble);
  if (troubled) return not(troubled.trouble!.reason, inWords(troubled));
  const unready = workers.filter(({ wanted, ready }) => ready < wanted);
  if (unready.length > 0) {
    const names = unready.map(({ name, waitsFor }) =>
      waitsFor === undefined ? name : `${name} (${waitsFor})`,
    );
    const count = `${unready.length} of ${workers.length} workers`;
    return not('WorkersNotReady', `waiting for ${count}: ${names.join(', ')}`);
  }
  return {
    type: 'Ready',
    status: 'True',
    reason: 'WorkersReady',
    message: `${workers.length} workers are ready`,
  };
}

function createdClaim({ models, created, isSuspended }: Facts): Claim {
  const type = 'WorkersCreated';
  if (!models.isOk)
    return { type, status: 'Unknown', reason: 'ModelsNotResolved', message: 'models must be known first' };
  const done = isSuspended ? 'the workers are scaled to none' : 'all objects of the workers are there';
  return outcomeClaim(type, created, 'Created', done);
}

function outcomeClaim(type: string, outcome: Outcome, reason: string, message: string): Claim {
  return outcome.isOk
    ? { type, status: 'True', reason, message }
    : { type, status: 'False', reason: outcome.reason, message: outcome.message };
}

function sourcesClaim({ before, isSuspended }: Facts): Claim {
  const type = 'SourcesConnected';
  const cameras = before.cameras ?? [];
  if (isSuspended) return { type, status: 'False', reason: 'Suspended', message: 'no workers run' };
  if (cameras.length === 0)
    return { type, status: 'Unknown', reason: 'NoReports', message: 'no worker has reported yet' };
  const away = cameras.filter(({ state }) => state !== 'connected' && state !== 'ended');
  if (away.length === 0)
    return {
      type,
      status: 'True',
      reason: 'Connected',
      message: `${cameras.length} of ${cameras.length} cameras`,
    };
  const words = away.map(({ id, state, message }) => `camera ${id} ${state}${message ? `: ${message}` : ''}`);
  return { type, status: 'False', reason: 'CamerasAway', message: words.join('; ') };
}

function degradedClaim({ before, workers, quarrels, isSuspended, isCompleted }: Facts): Claim {
  const type = 'Degraded';
  const troubled = isSuspended ? [] : workers.filter(({ trouble }) => trouble);
  const cameras = isSuspended || isCompleted ? [] : (before.cameras ?? []);
  const away = cameras.filter(({ state }) => state === 'failed' || state === 'reconnecting');
  const complaints = isSuspended ? [] : complaintsOf(before, workersOf(workers));
  if (troubled.length + away.length + quarrels.length + complaints.length === 0)
    return { type, status: 'False', reason: 'AsExpected', message: '' };
  const words = [
    ...troubled.map(inWords),
    ...quarrels,
    ...away.map(({ id, state, message }) => `camera ${id} ${state}${message ? `: ${message}` : ''}`),
    ...complaints,
  ];
  const others = quarrels.length > 0 ? 'Quarrel' : away.length > 0 ? 'CamerasAway' : 'WorkerComplains';
  const reason = troubled[0]?.trouble?.reason ?? others;
  return { type, status: 'True', reason, message: words.join('; ') };
}

/** Those that run: what the last pod of a worker said is old news once it has stopped or is in trouble. */
function workersOf(workers: readonly WorkerState[]): string[] {
  return workers.filter(({ phase }) => phase === 'Running').map(({ name }) => name);
}

function inWords({ name, trouble }: WorkerState): string {
  return `worker ${name}: ${trouble?.message ?? ''}`;
}

/** A condition keeps the time of its last change, or a status would be written again and again. */
function conditionOf(claim: Claim, { before, generation, now }: Facts): Condition {
  const old = before.conditions?.find(({ type }) => type === claim.type);
  return {
    ...claim,
    message: claim.message.slice(0, longestMessage),
    observedGeneration: generation,
    lastTransitionTime: old?.status === claim.status ? old.lastTransitionTime : now,
  };
}

function phaseOf(facts: Facts, claims: Claim[]): OwnStatus['phase'] {
  const { models, created, isSuspended, isCompleted, workers, before } = facts;
  const isTrue = (type: string) => claims.some((claim) => claim.type === type && claim.status === 'True');
  const cameras = before.cameras ?? [];
  for (const outcome of [models, created]) if (!outcome.isOk) return outcome.isFinal ? 'Failed' : 'Pending';
  if (isSuspended) return 'Suspended';
  if (isCompleted) return 'Completed';
  if (cameras.length > 0 && cameras.every(({ state }) => state === 'failed')) return 'Failed';
  if (isTrue('Degraded')) return 'Degraded';
  if (isTrue('Ready')) return 'Running';
  return workers.every(({ phase }) => phase === 'Pending') ? 'Pending' : 'Starting';
}

function stagesOf({ workers, modelNames, isCompleted }: Facts): OwnStatus['stages'] {
  return stageNames.flatMap((name) => {
    const own = workers.filter(({ stages }) => stages.includes(name));
    if (own.length === 0) return [];
    const troubled = own.find(({ trouble }) => trouble);
    const model = modelNames[name];
    return [
      {
        name,
        phase: stagePhase(own, isCompleted),
        workers: own.reduce((sum, { wanted }) => sum + wanted, 0),
        readyWorkers: own.reduce((sum, { ready, wanted }) => sum + Math.min(ready, wanted), 0),
        ...(model !== undefined && { model }),
        ...(troubled && { message: inWords(troubled).slice(0, longestMessage) }),
      },
    ];
  });
}

function stagePhase(
  workers: readonly WorkerState[],
  isCompleted: boolean,
): OwnStatus['stages'][number]['phase'] {
  const has = (phase: WorkerState['phase']) => workers.some((worker) => worker.phase === phase);
  if (has('Failed')) return 'Failed';
  if (has('Pending')) return 'Pending';
  if (has('Starting')) return 'Starting';
  if (has('Running')) return 'Running';
  return isCompleted ? 'Completed' : 'Unknown';
}
