// The match stage: tracklets of all cameras in, one identity for each person out. State lives in core, and in the store
// before an event is acknowledged.
import { tmpdir } from 'node:os';
import {
  eventTypes,
  type IdentitiesData,
  type IdentityChange,
  type StageEvent,
} from '../../config/events.ts';
import type { StreamData, TaskInfo, TrackletsData } from '../../config/events.ts';
import type { CameraConfig, WorkerConfig } from '../../config/worker.ts';
import { PermanentError, TransientError, type Context, type Log, type StageFunction } from '../function.ts';
import { siteInfoOf } from './siteInfo.ts';
import { KnownCameras } from '../knownCameras.ts';
import { createContacts, memoryS, type ContactOptions } from './core/contacts.ts';
import { createMatcher } from './core/matcher.ts';
import type { MatchSettings } from './core/settings.ts';
import type { GivenTopology } from './core/stays.ts';
import { traceKey } from './core/trace.ts';
import { createContactNews } from './contactNews.ts';
import { createGroupCommit, type Batching } from './groupCommit.ts';
import { openArchiveAccess } from './archiveAccess.ts';
import { createLookout, type Lookout, type Sighted } from './lookout.ts';
import { createPastLook } from './pastLook.ts';
import { createPictureVectors, type OpenEmbedder } from './pictureVectors.ts';
import { createQueries } from './queries.ts';
import { createWrites } from './writes.ts';
import { nameOf } from './database.ts';
import { openLease } from './lease.ts';
import { placeOf } from './place.ts';
import { contactOptions, givenTopology, homographiesOf, matchSettings, targetSettings } from './options.ts';
import { createOwnership } from './ownership.ts';
import { createPatience, defaultPatience, type PatienceOptions } from './patience.ts';
import { retune } from './retune.ts';
import { tellStory } from './story.ts';
import { createTargetImages } from './targetImages.ts';
import { openStore, type Cause, type Commit, type Store } from './store.ts';

export interface MatchDependencies {
  store: Store;
  settings: MatchSettings;
  topology: GivenTopology;
  /** All cameras of the task. */
  cameras: Pick<CameraConfig, 'id' | 'source' | 'homography'>[];
  task: { name: string; namespace: string };
  worker: string;
  /** How many events, and for how long, may share a transaction. */
  batching: Batching;
  /** Absent: contacts are not looked for. */
  contacts?: ContactOptions & { minimumS: number };
  /** Absent: nobody in particular is looked for. */
  lookout?: Lookout;
  /** Whether nothing is told of anybody but the targets. */
  onlyTargets?: boolean;
  /** How long an event is held back whose predecessor is missing. */
  patience?: PatienceOptions;
  /** Seconds that results are kept, by the store's clock; absent: for ever. */
  retentionS?: number;
  /** Seconds that vectors are kept; absent: as long as results. */
  vectorsS?: number;
  /** Times in which targets are looked for in the store too, seconds since the epoch; absent: only in what comes. */
  past?: { from: number; to: number };
}

/** The stage, and what its own timer calls while no event comes. */
export interface MatchFunction extends StageFunction {
  /** Goes on without cameras that fell silent; emits what that decides. */
  idle(context: Context): Promise<void>;
  /** The store's clock, seconds: the newest media time, and what has passed by the wall since it was heard. */
  clock(nowMs: number): number;
  /** Tells subscribers of erasures that they may not have heard of. */
  tellErasures(context: Context): Promise<void>;
}

/** Silence after which a camera is not waited for: a live one is at most this late, a file is worth waiting for. */
const liveStallMs = 3000;
const fileStallMs = 15_000;
const idleMs = 1000;
const expireEveryS = 60;
const longestMessage = 1000;
/** Announcements that a kill may have stopped on their way: more than can be under way at a time. */
const mostAnnouncedAgain = 300;

/** The stage bound to its store; goes on where the store's last owner stopped. */
export function createMatch(dependencies: MatchDependencies): MatchFunction {
  const { store, settings, topology, cameras, task, worker, batching, retentionS } = dependencies;
  const { vectorsS = retentionS } = dependencies;
  const { lookout, onlyTargets = false } = dependencies;
  const cameraIds = cameras.map((camera) => camera.id);
  const knownCameras = new KnownCameras(cameraIds, `task ${task.name}`);
  const matcher = createMatcher(cameraIds, settings, topology, homographiesOf(cameras));
  const source = `/namespaces/${task.namespace}/multiedgeinferences/${task.name}/match/${worker}`;
  const dimensions = new Map<string, number>();
  const heardMs = new Map<string, number>();
  const contacts = dependencies.contacts && createContacts(dependencies.contacts);
  const contactNews = createContactNews(
    dependencies.contacts?.minimumS ?? 0,
    ({ camera, track }) => matcher.identityOf(camera, track) ?? store.identityOf({ camera, track }),
  );
  const figures = { tracklets: 0, repeated: 0, gaps: 0 };
  const patience = createPatience(dependencies.patience ?? defaultPatience);
  let unsaved = nothing();
  let newest = -Infinity;
  let expired = -Infinity;
  let isExpiring = false;
  let heardAtMs: number | undefined;
  let completed = false;
  let timer: NodeJS.Timeout | undefined;

  const recovered = store.recover();
  matcher.restore(recovered.traces, recovered.clocks, recovered.waiting, recovered.learned);
  newest = recovered.traces.reduce((latest, trace) => Math.max(latest, trace.to), newest);
  const heard = store.heard();
  if (heard && heard.newest >= newest) newest = heard.newest;
  heardAtMs = heard?.wallMs;
  completed = matcher.allEnded();
  const pastLook = dependencies.past && lookout && createPastLook(store, lookout, dependencies.past);
  let foundInPast: Sighted[] = [];
  if (contacts) {
    const recent = store.recentContacts(newest - 2 * memoryS);
    contacts.restore(recent.revisions, recent.contacts);
  }

  function stalled(nowMs: number): Set<string> {
    const silent = new Set<string>();
    for (const { id, source: origin } of cameras) {
      const patienceMs = origin.type === 'File' && !origin.realtime ? fileStallMs : liveStallMs;
      const last = heardMs.get(id);
      // The patience for a camera that was never heard begins when the first event comes.
      // ... and begins anew when the clock was set back, which would make it endless.
      if (last === undefined || last > nowMs) heardMs.set(id, nowMs);
      else if (nowMs - last > patienceMs) silent.add(id);
    }
    return silent;
  }

  function takeTracklets(event: StageEvent<TrackletsData>, nowMs: number): void {
    const { data, time } = event;
    knownCameras.check(data.camera, nowMs);
    const known = dimensions.get(data.model) ?? data.dimensions;
    if (known !== data.dimensions) {
      throw new PermanentError(
        `camera ${data.camera}: model ${data.model} gave ${known} dimensions before and ${data.dimensions} now`,
      );
    }
    const revisions = knownRevisions(event, nowMs);
    dimensions.set(data.model, known);
    heardMs.set(data.camera, nowMs);
    const parsed = time === undefined ? NaN : Date.parse(time) / 1000;
    for (const [i, tracklet] of data.tracklets.entries()) {
      const { camera, model, image } = data;
      const isNew = tracklet.revision > revisions[i]!;
      const at = Number.isFinite(parsed) ? parsed : tracklet.to;
      const waiting = isNew ? matcher.offer({ camera, model, image, tracklet }, at) : undefined;
      if (waiting) unsaved.queued.push(waiting);
      figures[waiting ? 'tracklets' : 'repeated'] += 1;
      if (tracklet.to > newest) heardAtMs = nowMs;
      newest = Math.max(newest, tracklet.to);
      completed &&= !waiting;
    }
  }

  /** What is known of each track of the event. @throws TransientError while what comes before the event may still come */
  function knownRevisions({ source, id, data }: StageEvent<TrackletsData>, nowMs: number): number[] {
    const { camera, tracklets } = data;
    // What is in memory is the newest there is.
    const known = tracklets.map(
      ({ track }) =>
        matcher.revisionOf(camera, track) ||
        store.revision(camera, track) ||
        // Of a person who was erased: whatever comes of the track is old.
        (store.isForgotten(camera, track) ? Infinity : 0),
    );
    // What is older than the retention is forgotten, beginnings too: nothing of it is missing.
    const forgottenBefore = expired - (retentionS ?? Infinity);
    const gap = tracklets.findIndex(
      ({ revision, from }, i) => revision > known[i]! + 1 && from >= forgottenBefore,
    );
    if (!patience.mayTake(`${source}#${id}`, camera, gap >= 0, nowMs))
      throw new TransientError(
        `camera ${camera}: revision ${known[gap]! + 1} of track ${tracklets[gap]!.track} has not come yet`,
        { retryAfterMs: 500 },
      );
    if (gap >= 0) figures.gaps += 1;
    return known;
  }

  function takeStream({ source: sender, id, data }: StageEvent<StreamData>): void {
    const received = { source: sender, id };
    // An old end that comes once more must not end what the camera began since.
    if (!cameraIds.includes(data.camera) || store.isReceived(received)) return;
    matcher.endCamera(data.camera, data.session);
    unsaved.received.push(received);
  }

  function decide(nowMs: number): void {
    matcher.advance(stalled(nowMs));
    if (matcher.allEnded() && !completed) {
      matcher.finish();
      completed = true;
    }
  }

  /** Stores everything that was not stored yet, also what an earlier failure left; gives what may be announced. */
  function save(cause: Cause, nowMs: number): IdentitiesData['changes'] {
    const delta = matcher.takeDelta();
    for (const { revision } of delta.applied) contacts?.take(revision);
    const grown = contacts?.takeNews() ?? [];
    const sighted = [...(lookout?.consider(delta.touched, () => matcher.all()) ?? []), ...foundInPast];
    foundInPast = [];
    const changes = [...delta.changes, ...sighted, ...contactNews.tell(grown)];
    const announced = onlyTargets ? changes.filter((change) => lookout?.isAboutTarget(change)) : changes;
    const applied = [...unsaved.applied, ...delta.applied];
    const done = new Set(applied);
    const gone = new Set(delta.removed);
    unsaved = {
      applied,
      changes: [...unsaved.changes, ...changes],
      announced: [...unsaved.announced, ...announced],
      unknownSeen: lookout?.unknownSeen() ?? false,
      contacts: [...unsaved.contacts, ...grown],
      touched: [
        ...new Set([
          ...unsaved.touched.filter((trace) => !gone.has(traceKey(trace.camera, trace.track))),
          ...delta.touched,
        ]),
      ],
      removed: [...unsaved.removed, ...delta.removed],
      learned: delta.learned ?? unsaved.learned,
      queued: unsaved.queued.filter((waiting) => !done.has(waiting)),
      received: unsaved.received,
    };
    const clocks = new Map(cameraIds.map((id) => [id, matcher.clock(id)]));
    store.commit({ ...unsaved, clocks, cause });
    const told = unsaved.announced;
    unsaved = nothing();
    expire(nowMs);
    return told;
  }

  const commitTogether = createGroupCommit(batching, ({ cause, nowMs }: { cause: Cause; nowMs: number }) => {
    decide(nowMs);
    return save(cause, nowMs);
  });

  function clock(nowMs: number): number {
    return newest + Math.max(0, nowMs - (heardAtMs ??= nowMs)) / 1000;
  }

  /** A part at a time, so that no event waits long for it. */
  function expire(nowMs: number): void {
    if (newest === -Infinity || (retentionS === undefined && vectorsS === undefined)) return;
    const now = clock(nowMs);
    if (!isExpiring && now < expired + expireEveryS) return;
    const [resultsBefore, vectorsBefore] = [now - (retentionS ?? Infinity), now - (vectorsS ?? Infinity)];
    if (now >= expired + expireEveryS) {
      expired = now;
      store.keepHeard({ newest, wallMs: heardAtMs! });
      matcher.expire(Math.max(resultsBefore, vectorsBefore));
    }
    isExpiring = store.expire(resultsBefore, vectorsBefore);
  }

  function identitiesEvent(cause: Cause, changes: IdentitiesData['changes']): StageEvent<IdentitiesData> {
    // Whoever repeats its cause repeats the event itself.
    const id = cause.source === source ? cause.id : `${cause.source}#${cause.id}`;
    const time = new Date(changes[0]!.time * 1000).toISOString();
    const data = { task: task.name, namespace: task.namespace, changes };
    return { id, source, type: eventTypes.identities, time, partitionkey: task.name, data };
  }

  async function idle(context: Context): Promise<void> {
    const nowMs = context.now();
    const before = matcher.waiting();
    decide(nowMs);
    if (matcher.waiting() === before || matcher.waiting() === 0) matcher.settle(clock(nowMs));
    const cause = { source, id: `idle-${nowMs}` };
    foundInPast.push(...(pastLook?.next() ?? []));
    const changes = save(cause, nowMs);
    tellStory(context.log, changes);
    if (changes.length > 0) await context.emit(identitiesEvent(cause, changes));
    await tellErasures(context);
    store.compact();
  }

  async function tellErasures(context: Context): Promise<void> {
    for (const { sequence, change } of store.untoldErasures()) {
      await context.emit(identitiesEvent({ source, id: `erasure-${sequence}-${change.time}` }, [change]));
      store.erasureTold(sequence);
    }
  }

  /** In their order, and before anything new; receivers know those they have had by their ids. */
  function announceAgain(context: Context): void {
    // Another task may have told of everybody from the same store.
    const mayTell = (change: IdentityChange) => !onlyTargets || lookout?.isAboutTarget(change);
    const recent = store.recentlyAnnounced(mostAnnouncedAgain);
    const told = recent.map(({ cause, changes }) => ({ cause, changes: changes.filter(mayTell) }));
    for (const { cause, changes } of told.filter(({ changes: left }) => left.length > 0))
      context
        .emit(identitiesEvent(cause, changes))
        .catch((error: unknown) =>
          context.log.warn({ stage: 'match', error: String(error) }, 'announcement not repeated'),
        );
  }

  return {
    idle,
    clock,
    tellErasures,
    async handle(event, context) {
      const cause = { source: event.source, id: event.id };
      if (event.type === eventTypes.tracklets)
        takeTracklets(event as StageEvent<TrackletsData>, context.now());
      else if (event.type === eventTypes.stream) takeStream(event as StageEvent<StreamData>);
      else throw new PermanentError(`match takes tracklets and stream events, not ${event.type}`);
      // Whoever repeats an event did not hear the answer: it gets it again, under the same id.
      const earlier = store.announced(cause);
      const decided = (await commitTogether({ cause, nowMs: context.now() })) ?? [];
      tellStory(context.log, decided);
      const changes = [...earlier, ...decided];
      return changes.length > 0 ? identitiesEvent(cause, changes) : undefined;
    },
    async init(context) {
      await lookout?.start(context.log);
      announceAgain(context);
      timer = setInterval(() => {
        idle(context).catch((error: unknown) =>
          context.log.warn({ stage: 'match', error: String(error) }, 'idle work failed'),
        );
      }, idleMs);
      timer.unref();
    },
    async shutdown() {
      clearInterval(timer);
      lookout?.stop();
      store.close();
    },
    readiness: () => store.check(),
    status() {
      const totals = store.totals();
      const { identities, merged, split, tracks } = totals;
      const taskInfo = taskInfoOf(totals, onlyTargets);
      const site = siteInfoOf(matcher.report());
      const problems = [...(lookout?.problems() ?? []), ...site.problems];
      return {
        phase: completed && (pastLook?.isDone() ?? true) ? 'Completed' : 'Running',
        ...(problems.length > 0 && { message: problems.join('; ').slice(0, longestMessage) }),
        cameras: [],
        figures: {
          ...figures,
          tracks,
          identities,
          merged,
          split,
          targets: totals.targets,
          waiting: matcher.waiting(),
          traces: matcher.traces(),
        },
        output: { ...(taskInfo && { taskInfo }), site },
      };
    },
  };
}

function nothing(): Omit<Commit, 'clocks' | 'cause'> {
  return {
    changes: [],
    announced: [],
    applied: [],
    touched: [],
    removed: [],
    learned: undefined,
    queued: [],
    received: [],
    contacts: [],
    unknownSeen: false,
  };
}

function taskInfoOf(
  { identities, targets, unknownSeen, firstSeen, lastSeen }: ReturnType<Store['totals']>,
  onlyTargets: boolean,
): TaskInfo | undefined {
  if (firstSeen === null || lastSeen === null) return undefined;
  return {
    trackingObjectNumber: onlyTargets ? targets : identities,
    findUnknownObject: unknownSeen,
    startTime: new Date(firstSeen * 1000).toISOString(),
    currentTime: new Date(lastSeen * 1000).toISOString(),
  };
}

/** Undefined when the task looks for nobody in particular. */
function lookoutFor(
  { match, models }: WorkerConfig,
  settings: MatchSettings,
  folder: string,
  store: Store,
): Lookout | undefined {
  if (match.targets.length === 0 && store.ownPictureNames().length === 0) return undefined;
  if (!models.embed)
    throw new PermanentError('targets need the embedder that makes vectors of their pictures');
  const images = createTargetImages(match.targets, models.embed, folder, store);
  const known = { ...store.sightings(), unknownSeen: store.totals().unknownSeen };
  return createLookout(images, targetSettings(match, settings), known);
}

/** For tests: arguments of node for threads, what opens the embedder, and the environment; see place.ts for what it says. */
export interface Surroundings {
  threadArgv?: string[];
  openModel?: OpenEmbedder;
  environment?: NodeJS.ProcessEnv;
}

/** Wires the stage to the store, which it may share with workers that stand by. */
export async function create(
  worker: WorkerConfig,
  log: Log,
  { threadArgv, openModel, environment = process.env }: Surroundings = {},
): Promise<StageFunction> {
  const place = placeOf(worker, environment, threadArgv);
  const settings = matchSettings(worker.match, worker.models.embed);
  const { threshold, margin } = settings;
  log.info({ stage: 'match', folder: nameOf(place), threshold, margin }, 'store opened');
  let inForce = worker;
  const owned = createOwnership({
    lease: openLease(place),
    holder: worker.worker,
    open: (epoch) => openMatch(inForce, settings, openStore(place, epoch)),
    async reconfigure(next) {
      if (!retune(settings, inForce, next)) return false;
      inForce = next;
      return true;
    },
    log,
  });
  const archive = openArchiveAccess(place, threadArgv);
  const { embed } = worker.models;
  return {
    ...owned,
    answer: createQueries({
      archive,
      worker: () => inForce,
      threshold: () => settings.threshold,
      pictures: embed && createPictureVectors(embed, openModel),
      writes: createWrites({ owned, place, worker: () => inForce, log }),
    }),
    async shutdown(context) {
      await archive.close();
      await owned.shutdown?.(context);
    },
  };
}

/** The stage for one term as owner. */
function openMatch(worker: WorkerConfig, settings: MatchSettings, store: Store): MatchFunction {
  const lookout = lookoutFor(worker, settings, worker.storeFolder ?? tmpdir(), store);
  return createMatch({
    store,
    ...(lookout && { lookout }),
    onlyTargets: worker.match.mode === 'SingleObject',
    settings,
    topology: givenTopology(worker.match),
    cameras: worker.cameras,
    task: worker.task,
    // Whoever takes over repeats announcements under the same names.
    worker: worker.group ?? worker.worker,
    batching: worker.match.batching ?? { maxEvents: 1, maxWaitMs: 0 },
    ...(worker.match.contacts && { contacts: contactOptions(worker.match.contacts, worker.cameras) }),
    ...(worker.match.retentionS !== undefined && { retentionS: worker.match.retentionS }),
    ...(worker.match.vectorsS !== undefined && { vectorsS: worker.match.vectorsS }),
    ...(worker.timing && worker.timing.mode !== 'OnTheFly' && { past: pastOf(worker.timing) }),
  });
}

function pastOf({ window = {} }: NonNullable<WorkerConfig['timing']>): { from: number; to: number } {
  return { from: window.startS ?? -Infinity, to: window.endS ?? Infinity };
}
