// Turns what all workers said into the resource's status. Pure; called by the status handler before each write.
import type { CameraReport, ReportData, SiteInfo, TaskInfo } from '../../../config/events.ts';
import type { Status } from '../../../config/schema/status.ts';
import { stageNames, type StageName } from '../../../config/worker.ts';
import type { Ledger } from './ledger.ts';

type Phase = ReportData['phase'];
type CameraStatus = NonNullable<Status['cameras']>[number];

const mostCameras = 128;
const mostNodes = 512;
const mostText = 1024;
const mostModels = 8;
const mostWays = 64;
const mostProblems = 16;
const longestProblem = 512;
/** Sixty reports. */
const goneAfterS = 120;

/** @param cameras ids of all cameras of the task, whether heard of or not */
export function statusOf(ledger: Ledger, cameras: readonly string[]): Status {
  const all = withoutGone([...ledger.latest.values()]);
  const { reports, owner } = inForce(all);
  const cameraStatus = camerasOf(reports, cameras);
  const taskInfo = taskInfoOf(reports);
  const site = siteOf(reports);
  const connected = cameraStatus.filter(({ state }) => state === 'connected').length;
  return {
    phase: phaseOf(reports, cameraStatus, (site?.problems?.length ?? 0) > 0),
    camerasConnected: `${connected}/${cameraStatus.length}`,
    ...(taskInfo && { identities: taskInfo.trackingObjectNumber }),
    ...(owner !== undefined && { owner }),
    stages: stagesOf(reports, all),
    nodes: nodesOf(reports),
    cameras: cameraStatus,
    ...((taskInfo ?? site) && { output: { ...(taskInfo && { taskInfo }), ...(site && { site }) } }),
    reports: ledger.changes.filter(isKnownStage).map((change) => ({
      ...change,
      time: timestamp(change.time),
      ...(change.message !== undefined && { message: change.message.slice(0, mostText) }),
    })),
  };
}

/** A worker that falls silent while others of its stage and node go on reporting is one that there is no more. */
function withoutGone(all: readonly ReportData[]): ReportData[] {
  const placeOf = ({ node, stage }: ReportData) => `${node}/${stage}`;
  const newest = new Map<string, number>();
  for (const report of all)
    newest.set(placeOf(report), Math.max(report.time, newest.get(placeOf(report)) ?? -Infinity));
  return all.filter((report) => newest.get(placeOf(report))! - report.time < goneAfterS);
}

/** Of several match workers the one in the newest term says how things are, whatever those say that stand by or were paused. */
function inForce(all: readonly ReportData[]): { reports: ReportData[]; owner?: string } {
  const matching = all.filter(({ stage }) => stage === 'match');
  const epochOf = ({ figures }: ReportData) => figures?.['epoch'] ?? 0;
  const newest = Math.max(0, ...matching.map(epochOf));
  const owner = matching.find((report) => epochOf(report) === newest);
  if (newest === 0 || !owner) return { reports: [...all] };
  const reports = all.filter((report) => report.stage !== 'match' || report === owner);
  return { reports, owner: owner.worker };
}

/** Done when every camera is over and every stage says so: match alone may remember the end of an earlier run. */
function phaseOf(
  reports: readonly ReportData[],
  cameras: readonly CameraStatus[],
  isUnsure: boolean,
): NonNullable<Status['phase']> {
  const working = reports.filter(({ stage }) => stage !== 'status');
  if (cameras.length > 0 && cameras.every(({ state }) => state === 'failed')) return 'Failed';
  const isOver = cameras.every(({ state }) => state === 'ended' || state === 'failed');
  const hasMatch = working.some(({ stage }) => stage === 'match');
  if (isOver && hasMatch && working.every(({ phase }) => phase === 'Completed')) return 'Completed';
  const phase = worst(reports);
  if (phase === 'Failed' || phase === 'Starting') return phase;
  const troubled = isUnsure || cameras.some(({ state }) => state === 'failed' || state === 'reconnecting');
  return troubled ? 'Degraded' : 'Running';
}

/** The state of several workers as one: the worst that any of them is in. */
function worst(reports: readonly ReportData[]): Phase {
  const order: Phase[] = ['Failed', 'Starting', 'Running', 'Completed'];
  return order.find((phase) => reports.some((report) => report.phase === phase)) ?? 'Starting';
}

function firstMessage(reports: readonly ReportData[]): { message?: string } {
  const phase = worst(reports);
  const message = reports.find((report) => report.phase === phase && report.message !== undefined)?.message;
  return message === undefined ? {} : { message: message.slice(0, mostText) };
}

/** @param all also of those that stand by */
function stagesOf(reports: readonly ReportData[], all: readonly ReportData[]): NonNullable<Status['stages']> {
  return stageNames.flatMap((name) => {
    const own = reports.filter(({ stage }) => stage === name);
    if (own.length === 0) return [];
    const workers = all.filter(({ stage }) => stage === name);
    const ready = workers.filter(({ phase }) => phase === 'Running' || phase === 'Completed').length;
    return [{ name, phase: worst(own), workers: workers.length, readyWorkers: ready, ...firstMessage(own) }];
  });
}

function nodesOf(reports: readonly ReportData[]): NonNullable<Status['nodes']> {
  const names = [...new Set(reports.map(({ node }) => node))].sort().slice(0, mostNodes);
  return names.map((name) => {
    const own = reports.filter(({ node }) => node === name);
    // Status itself never ends: it says nothing about whether the node's work is done.
    const working = own.filter(({ stage }) => stage !== 'status');
    const last = own.reduce((latest, { time }) => Math.max(latest, time), 0);
    return {
      name,
      phase: worst(working.length > 0 ? working : own),
      lastReportTime: timestamp(last),
      ...firstMessage(own),
    };
  });
}

/** Connection and speed as ingest knows them, people as detect does; stages further on only fill what is missing. */
function camerasOf(reports: readonly ReportData[], known: readonly string[]): CameraStatus[] {
  const found = new Map<string, CameraStatus>(known.map((id) => [id, { id, state: 'connecting' }]));
  for (const stage of [...stageNames].reverse()) {
    for (const report of reports) {
      if (report.stage !== stage) continue;
      for (const camera of report.cameras) {
        const before = found.get(camera.camera);
        if (!before && found.size >= mostCameras) continue;
        found.set(
          camera.camera,
          withReport(before ?? { id: camera.camera, state: 'connecting' }, camera, report.node, stage),
        );
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function withReport(
  before: CameraStatus,
  camera: CameraReport,
  node: string,
  stage: StageName,
): CameraStatus {
  const { state, fps, dropped, progress, people, message } = camera;
  const status: CameraStatus = { ...before, node, state, fps };
  if (people !== undefined) status.people = people;
  if (progress !== undefined) status.progress = progress;
  if (stage === 'ingest') status.dropped = dropped;
  if (message !== undefined) status.message = message.slice(0, mostText);
  else if (stage === 'ingest') delete status.message;
  return status;
}

/** Sedna's sums; one owner matches a task at a time, so the largest count of people is the count. */
function taskInfoOf(reports: readonly ReportData[]): TaskInfo | undefined {
  const all = reports.flatMap(({ output }) => output?.taskInfo ?? []);
  if (all.length === 0) return undefined;
  return {
    trackingObjectNumber: Math.max(...all.map((info) => info.trackingObjectNumber)),
    findUnknownObject: all.some((info) => info.findUnknownObject),
    startTime: timestamp(Math.min(...all.map((info) => Date.parse(info.startTime) / 1000))),
    currentTime: timestamp(Math.max(...all.map((info) => Date.parse(info.currentTime) / 1000))),
  };
}

/** What the owner of the matching says: of several workers the one that knows most pairs. */
function siteOf(reports: readonly ReportData[]): NonNullable<Status['output']>['site'] {
  const pairsOf = ({ calibration }: SiteInfo) =>
    calibration.reduce((sum, { differentPairs }) => sum + differentPairs, 0);
  const [site] = reports.flatMap(({ output }) => output?.site ?? []).sort((a, b) => pairsOf(b) - pairsOf(a));
  if (!site) return undefined;
  return {
    calibration: site.calibration.slice(0, mostModels),
    ways: site.ways.slice(0, mostWays).map(({ from, to, people, share, quickS, usualS, slowS }) => ({
      from,
      to,
      people,
      ...(share !== undefined && { share }),
      quickSeconds: quickS,
      usualSeconds: usualS,
      slowSeconds: slowS,
    })),
    ...(site.wayFloor !== undefined && { wayFloor: site.wayFloor }),
    problems: site.problems.slice(0, mostProblems).map((problem) => problem.slice(0, longestProblem)),
  };
}

function isKnownStage<T extends { stage: string }>(change: T): change is T & { stage: StageName } {
  return (stageNames as readonly string[]).includes(change.stage);
}

function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
