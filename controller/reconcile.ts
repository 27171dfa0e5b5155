// Brings one task about, from whatever state things are in; the queue calls it with a key `namespace/name`.
//
//   get the task                gone or going: nothing to do, owner references collect what it owned
//                               going: its nodes are told, and have a moment to confirm it
//   -> desired                  the workers it needs; a model that nobody knows ends here, and what runs goes on running
//   -> manifests                the objects those workers need; none have pods while the task is suspended
//   -> plan                     what of it is missing or different, and what is owned and no longer wanted
//   -> apply                    server-side, what pods need before the pods
//   -> prune                    owned leftovers, only after everything new is there
//   -> status                   conditions of all this, and of what workers and pods say
//
// Every step starts from the copies that reflectors keep, so that it does not matter what happened before: creation,
// an edit, a deletion by hand, a crash half-way. Nothing is written that is already so.
import { createHash } from 'node:crypto';
import type { FunctionList } from '../config/functions.ts';
import type { Task } from '../config/schema/resource.ts';
import type { Status } from '../config/schema/status.ts';
import { ConfigError } from '../config/validation/configError.ts';
import type { Cluster } from './cluster.ts';
import { isCompleted, wasCompleted, workOf } from './completion.ts';
import { statusOf, type Facts, type Outcome, type OwnStatus } from './conditions.ts';
import { sharesOf } from './downstream/shares.ts';
import type { Downstream } from './downstream/downstream.ts';
import { hold, letGo } from './farewell.ts';
import { desired, type DesiredTask, type DesiredWorker, type Surroundings } from './desired.ts';
import { ApiError, LackError, messageOf, PermanentError, TransientError } from './errors.ts';
import { entriesOnly } from './fieldOwnership.ts';
import type { KnativeView } from './knative.ts';
import { checkFeatures, knativeFor } from './knativeNeeds.ts';
import type { Log } from './log.ts';
import { manifestsOf } from './manifests.ts';
import { forbiddenFiles } from './objects/cameraFiles.ts';
import { pushWithoutToken } from './objects/credentials.ts';
import { isShared, workerLabel, type Installation, type Manifest } from './objects/manifest.ts';
import { outboxFolder, storeFolder } from './objects/podTemplate.ts';
import { isWorkload } from './objects/runtime.ts';
import { changedConditions, eventOf, occurrencesOf } from './occurrences.ts';
import type { OwnWrites } from './ownWrites.ts';
import { covers, isLikelyOwn, keyOf, planOf } from './plan.ts';
import type { Patience } from './patience.ts';
import type { Quarrels } from './quarrels.ts';
import { resourceOf } from './resources.ts';
import type { PodView } from './podView.ts';
import { standbyProblems } from './standby.ts';
import type { PodWarnings } from './podWarnings.ts';
import type { TaskTokens } from './taskTokens.ts';
import { workerStates } from './workers.ts';

/** What is known of a task, by its key. */
export interface View {
  task(key: string): Manifest | undefined;
  /** Objects that carry the task's label. */
  owned(key: string): Manifest[];
  /** The object of that kind and name, whichever task's label it carries. */
  named(manifest: Manifest): Manifest | undefined;
  pods(key: string): PodView[];
}

export interface Reconciler {
  cluster: Pick<Cluster, 'apply' | 'claim' | 'isThere' | 'remove' | 'create'>;
  view: View;
  ownWrites: OwnWrites;
  quarrels: Quarrels;
  /** For statuses that only say how far things are. */
  patience: Patience;
  /** Looks at the task again after a while. */
  later: (key: string, ms: number) => void;
  /** Keys of objects of others that bear names this controller needs; asked for before they are tried again. */
  strangers: Set<string>;
  podWarnings: Pick<PodWarnings, 'of' | 'forget'>;
  /** Shared objects that are being made: tasks that start together need the same ones. */
  sharing: Map<string, Promise<void>>;
  taskTokens: TaskTokens;
  functions: FunctionList;
  installation: Installation;
  models: Pick<Surroundings, 'resolveModel' | 'defaultModels' | 'threads'>;
  /** What the cluster has of Knative. */
  knative: KnativeView;
  /** Absent: this installation has no local controllers. */
  downstream?: Downstream;
  /** Name under which events are posted. */
  reporter: string;
  /** RFC 3339, whole seconds. */
  now: () => string;
  log: Log;
}

type Translation =
  | { plan: DesiredTask; models: Outcome & { isOk: true }; lack?: LackError }
  | { models: Outcome & { isOk: false } };

/** @throws whatever is worth another try, after the status says so */
export async function reconcile(context: Reconciler, key: string): Promise<void> {
  const task = newestTask(context, key);
  if (!task) {
    context.podWarnings.forget(key);
    context.taskTokens.forget(key);
    return context.downstream?.remove(key);
  }
  if (task.metadata.deletionTimestamp !== undefined) return letGo(context, key, task);
  const translation = translate(context, task);
  publish(context, key, task, translation);
  const workers = 'plan' in translation ? translation.plan.workers : [];
  const work = workOf({ workers });
  const lack = 'plan' in translation ? translation.lack : undefined;
  const manifests = 'plan' in translation && !lack ? manifestsFor(context, task, translation.plan) : [];
  const current = (await holdForNodes(context, key, task)) ?? task;
  const problem =
    'plan' in translation ? (lack ?? (await bringAbout(context, key, task, manifests))) : undefined;
  const pods = context.view.pods(key);
  const warnings = await context.podWarnings.of(key, pods);
  const owned = newestOwned(context, key, manifests);
  const states = workerStates(workers, manifests, owned, pods, warnings);
  const hadCompleted = wasCompleted(task, work);
  await report(context, key, current, {
    generation: task.metadata.generation ?? 1,
    now: context.now(),
    before: current.status ?? {},
    isSuspended: task.spec.suspend,
    cameras: task.spec.cameras.length,
    isCompleted: hadCompleted || isCompleted(task, states),
    work,
    models: translation.models,
    created: problem === undefined ? { isOk: true } : outcomeOf(problem),
    workers: states,
    edges: context.downstream?.progress(key) ?? [],
    quarrels: quarrelsOver(context, key, manifests),
    modelNames: modelNames(workers),
  });
  // Pods stop once the status says so, and nobody is woken by what he wrote himself.
  if (!hadCompleted && wasCompleted(newestTask(context, key) ?? task, work)) context.later(key, 0);
  if (problem !== undefined) throw problem;
}

function newestTask({ view, ownWrites }: Reconciler, key: string): Task | undefined {
  return ownWrites.newest(`Task/${key}`, view.task(key)) as Task | undefined;
}

/** Tells the local controllers of its nodes; exported so that all tasks can be published before the first node may ask. */
export function publishTask(context: Reconciler, key: string): void {
  const task = newestTask(context, key);
  if (!task || task.metadata.deletionTimestamp !== undefined) return;
  publish(context, key, task, translate(context, task));
}

function publish(
  { downstream, view, taskTokens }: Reconciler,
  key: string,
  task: Task,
  translation: Translation,
): void {
  if (!downstream) return;
  // While something is missing nodes keep what they have, as workers do.
  if ('plan' in translation && !translation.lack)
    return downstream.publish(key, sharesOf(task, translation.plan, view.pods(key), taskTokens));
  const { name, namespace, uid = '', generation = 1 } = task.metadata;
  downstream.retain(key, { name, namespace, uid, generation });
}

/** Gives the task as it is then, where it had to be written. */
async function holdForNodes(context: Reconciler, key: string, task: Task): Promise<Task | undefined> {
  const copy = context.view.task(key);
  const held = await hold(context, key, task);
  if (!held) return undefined;
  const kept = withoutManagedFields(held);
  context.ownWrites.record(`Task/${key}`, copy, '', kept);
  return kept as unknown as Task;
}

/** The same translation as on one machine, with paths of containers, and the Broker's address or why there is none. */
function translate({ functions, models, knative }: Reconciler, task: Task): Translation {
  try {
    const created = Date.parse(task.metadata.creationTimestamp ?? '1970-01-01T00:00:00Z') / 1000;
    const plan = desired(task, { ...models, functions, clockStart: created, storeFolder, outboxFolder });
    return { ...withBroker(task, plan, knative), models: { isOk: true } };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { models: { isOk: false, isFinal: true, reason: 'ModelNotFound', message: error.message } };
  }
}

function withBroker(
  task: Task,
  plan: DesiredTask,
  knative: KnativeView,
): { plan: DesiredTask; lack?: LackError } {
  try {
    const brokerUrl = knativeFor(task, plan, knative);
    return { plan: brokerUrl === undefined ? plan : { ...plan, brokerUrl } };
  } catch (error) {
    if (!(error instanceof LackError)) throw error;
    return { plan, lack: error };
  }
}

function manifestsFor({ functions, installation }: Reconciler, task: Task, plan: DesiredTask): Manifest[] {
  const stopped = new Set<DesiredWorker['placement']>();
  if (task.spec.suspend) stopped.add('edge').add('cloud');
  // The cloud keeps the results that people ask for; pictures have nothing more to give.
  if (wasCompleted(task, workOf(plan))) stopped.add('edge');
  return manifestsOf(task, plan, { functions, installation, stopped });
}

/** Undefined when all objects are as they should be; else the first thing that went wrong. */
async function bringAbout(
  context: Reconciler,
  key: string,
  task: Task,
  manifests: Manifest[],
): Promise<Error | undefined> {
  const forbidden = [
    ...forbiddenFiles(task, context.installation.fileFolders),
    ...pushWithoutToken(task),
    ...standbyProblems(task),
  ];
  if (forbidden.length > 0) return new PermanentError(forbidden.join('; '));
  const { apply, prune, taken } = planOf(
    manifests,
    newestOwned(context, key, manifests),
    task.metadata.uid ?? '',
  );
  if (taken[0]) return nameTaken(taken[0]);
  // Pods need what their Deployment names, and nobody can be bound to a role that is not there.
  const isLast = ({ manifest }: (typeof apply)[number]) =>
    lastKinds.has(manifest.kind) || isWorkload(manifest);
  const replaced = replacedWorkloads(apply.filter(isLast), prune);
  const done = { created: 0, changed: 0, removed: 0 };
  const write = async ({ manifest, observed }: (typeof apply)[number]) => {
    if (await applyOne(context, key, task, manifest, observed)) done[observed ? 'changed' : 'created']++;
  };
  const remove = async (object: Manifest) => {
    await context.cluster.remove(resourceOf(object), object);
    done.removed++;
  };
  try {
    checkFeatures(manifests, context.knative.features);
    await context.taskTokens.ensure(context.cluster, key, task);
    await all(apply.filter((step) => !isLast(step)).map(write));
    await all(replaced.map(remove));
    await all(apply.filter(isLast).map(write));
    await all(prune.filter((object) => !replaced.includes(object)).map(remove));
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    if (done.created + done.changed + done.removed > 0)
      context.log.info({ task: key, ...done }, 'objects changed');
  }
}

const lastKinds = new Set(['RoleBinding']);

/** A worker that goes from Deployment to Knative or back has its state in one place at a time: the old one ends first. */
function replacedWorkloads(
  arriving: readonly { manifest: Manifest }[],
  prune: readonly Manifest[],
): Manifest[] {
  const workers = new Set(arriving.map(({ manifest }) => manifest.metadata.labels?.[workerLabel]));
  return prune.filter((object) => isWorkload(object) && workers.has(object.metadata.labels?.[workerLabel]));
}

/** As Promise.all, but nothing is under way any more when it rejects. */
async function all(writes: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(writes)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Whether it was written: not when it is under way, or when others would only change it again. */
async function applyOne(
  context: Reconciler,
  taskKey: string,
  task: Task,
  manifest: Manifest,
  observed: Manifest | undefined,
): Promise<boolean> {
  const { ownWrites, quarrels } = context;
  const key = keyOf(manifest);
  const digest = digestOf(manifest);
  if (ownWrites.isSettled(key, observed, digest)) return false;
  if (isShared(manifest)) return share(context, manifest, digest);
  const pauseMs = quarrels.pauseMs(key, digest);
  if (pauseMs > 0) {
    context.later(taskKey, pauseMs);
    return false;
  }
  const words = quarrels.isOne(key, digest) ? await objection(context, manifest) : undefined;
  // By force only over what is known to be the task's own.
  const result = observed
    ? await context.cluster.apply(manifest, { force: true, observed })
    : await claim(context, task, manifest);
  ownWrites.record(key, observed, digest, result);
  quarrels.note(key, digest, words);
  return true;
}

/** Who else sets the fields that this would set, and which. */
async function objection({ cluster }: Reconciler, manifest: Manifest): Promise<string> {
  const what = `others change ${manifest.kind} ${manifest.metadata.name} again and again`;
  const way = 'make them leave it alone; until then it is set right only now and then';
  try {
    // Without force the server names the managers of fields that differ, and changes nothing.
    await cluster.apply(manifest, { force: false });
    return `${what}: ${way}`;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    return `${what} (${error.message}): ${way}`;
  }
}

function quarrelsOver(
  { quarrels, later }: Reconciler,
  key: string,
  manifests: readonly Manifest[],
): string[] {
  const words = manifests.flatMap((manifest) => quarrels.wordsOf(keyOf(manifest)) ?? []);
  if (words.length > 0) later(key, quarrels.calmMs);
  return words;
}

/** They only save writes that would fail: none is missed when they are forgotten. */
const mostStrangers = 10_000;

/** Makes what is not there yet; an object of somebody else of that name is not taken over. */
async function claim(context: Reconciler, task: Task, manifest: Manifest): Promise<Manifest> {
  const { cluster, strangers } = context;
  const key = keyOf(manifest);
  // To try is to touch, which makes the object's watchers look, and this controller too: again and again.
  if (strangers.has(key) && (await cluster.isThere(resourceOf(manifest), manifest)))
    throw notOfThisTask(manifest);
  strangers.delete(key);
  try {
    return await cluster.claim(manifest, (object, others) =>
      isLikelyOwn(object, others, task.metadata.creationTimestamp),
    );
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    if (strangers.size >= mostStrangers) strangers.clear();
    strangers.add(key);
    throw notOfThisTask(manifest);
  }
}

/** Whoever makes it: there is one, and nothing depends on what is in it. Whether this task asked for it. */
async function share(context: Reconciler, manifest: Manifest, digest: string): Promise<boolean> {
  const { view, ownWrites, sharing } = context;
  const key = keyOf(manifest);
  // Another task may have made it since this one was planned.
  if (ownWrites.newest(key, view.named(manifest))) return false;
  const others = sharing.get(key);
  const underWay = others ?? makeShared(context, manifest, digest).finally(() => sharing.delete(key));
  sharing.set(key, underWay);
  await underWay;
  return others === undefined;
}

async function makeShared(
  { cluster, ownWrites }: Reconciler,
  manifest: Manifest,
  digest: string,
): Promise<void> {
  try {
    ownWrites.record(keyOf(manifest), undefined, digest, await cluster.create(manifest));
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    ownWrites.record(keyOf(manifest), undefined, digest, manifest);
  }
}

function nameTaken({ kind, metadata }: Manifest): Error {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const what = `${kind} ${metadata.name}`;
  if (
    owner?.kind === 'MultiEdgeInference' &&
    metadata.deletionTimestamp === undefined &&
    owner.name !== undefined
  )
    return new TransientError(
      `${what} still belongs to another task or to an earlier one, ${owner.name}: waiting`,
    );
  return notOfThisTask({ kind, metadata });
}

function notOfThisTask({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>): Error {
  return new PermanentError(
    `${kind} ${metadata.name} exists and is not of this task: rename the task or remove it`,
  );
}

/** Copies, with what this process wrote and they do not show yet. */
function newestOwned({ view, ownWrites }: Reconciler, key: string, manifests: Manifest[]): Manifest[] {
  const copies = new Map(
    view.owned(key).map((object): [string, Manifest | undefined] => [keyOf(object), object]),
  );
  // Names of workers of different tasks can be the same: the other one's must not pass for missing.
  for (const manifest of manifests)
    if (!copies.has(keyOf(manifest))) copies.set(keyOf(manifest), view.named(manifest));
  return [...copies].flatMap(([each, copy]) => ownWrites.newest(each, copy) ?? []);
}

async function report(context: Reconciler, key: string, task: Task, facts: Facts): Promise<void> {
  const status = statusOf(facts);
  const copy = context.view.task(key);
  const digest = digestOf(status);
  if (covers(task.status, status) || context.ownWrites.isSettled(`Task/${key}`, copy, digest))
    return context.patience.end(key);
  const isNext = task.status?.observedGeneration === status.observedGeneration && isOnTheWay(task.status);
  const leftMs = isOnTheWay(status) ? context.patience.leftMs(key, isNext) : 0;
  if (leftMs > 0) return context.later(key, leftMs);
  const content = digestOf(withoutTimes(status));
  const pauseMs = context.quarrels.pauseMs(`Task/${key}`, content);
  if (pauseMs > 0) {
    context.log.warn({ task: key, pauseMs: Math.round(pauseMs) }, 'others change the status again and again');
    return context.later(key, pauseMs);
  }
  const result = await applyStatus(context, task, status);
  // The status function was faster: its write is on its way here, and brings the task back.
  if (!result) return context.later(key, conflictMs);
  context.ownWrites.record(`Task/${key}`, copy, digest, withoutManagedFields(result));
  context.quarrels.note(`Task/${key}`, content);
  context.patience.end(key);
  await announce(context, task, facts, status);
}

/** By when a copy has what was in the way. */
const conflictMs = 1000;

/** Undefined when the task was changed meanwhile and that matters. */
async function applyStatus(
  { cluster }: Reconciler,
  { apiVersion, kind, metadata }: Task,
  status: OwnStatus,
): Promise<Manifest | undefined> {
  const { name, namespace, resourceVersion } = metadata;
  // Of all fields only this one has two writers: a count that nobody has read yet must not be lost.
  const hasTwoWriters = status.camerasConnected !== undefined && resourceVersion !== undefined;
  const manifest = {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(hasTwoWriters && { resourceVersion }) },
    status,
  };
  try {
    return await cluster.apply(manifest, { force: true, subresource: 'status' });
  } catch (error) {
    if (hasTwoWriters && error instanceof ApiError && error.reason === 'Conflict') return undefined;
    throw error;
  }
}

/** Nothing is wrong, and nothing is there yet. */
function isOnTheWay({ phase, conditions = [] }: Pick<Status, 'phase' | 'conditions'>): boolean {
  const is = (type: string, status: string) =>
    conditions.some((condition) => condition.type === type && condition.status === status);
  const isWorking = phase === 'Pending' || phase === 'Starting';
  return isWorking && is('WorkersCreated', 'True') && is('Degraded', 'False');
}

function withoutTimes({ conditions, ...status }: OwnStatus): object {
  return { ...status, conditions: conditions.map(({ lastTransitionTime: _time, ...claim }) => claim) };
}

/** An event that cannot be posted is no reason to do anything again. */
async function announce(
  { cluster, reporter, now, log }: Reconciler,
  task: Task,
  { before }: Facts,
  { conditions }: OwnStatus,
): Promise<void> {
  const key = `${task.metadata.namespace}/${task.metadata.name}`;
  for (const { type, status, reason, message } of changedConditions(before.conditions ?? [], conditions))
    log.info({ task: key, type, status, reason, text: message }, 'condition changed');
  for (const occurrence of occurrencesOf(before.conditions ?? [], conditions)) {
    try {
      await cluster.create(eventOf(task, occurrence, now(), reporter));
    } catch (error) {
      log.warn({ task: key, error: messageOf(error) }, 'event not posted');
    }
  }
}

function outcomeOf(error: Error): Outcome {
  const reason =
    error instanceof PermanentError
      ? 'Refused'
      : error instanceof ApiError || error instanceof LackError
        ? error.reason
        : '';
  const isFinal = error instanceof PermanentError || (error instanceof ApiError && error.isPermanent);
  return { isOk: false, isFinal, reason: reason || 'ApiServerTrouble', message: error.message };
}

function modelNames(workers: readonly DesiredWorker[]): Facts['modelNames'] {
  const models = workers[0]?.config.models;
  return {
    ...(models?.detect && { detect: models.detect.name }),
    ...(models?.embed && { embed: models.embed.name }),
  };
}

/** Bookkeeping of the server, about as large as the object itself: only whose it is matters. */
export function withoutManagedFields<T extends Manifest>(object: T): T {
  const { managedFields, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, managedFields: entriesOnly(managedFields) } };
}

/** Of what this process builds, always in the same order. */
function digestOf(value: unknown): string {
  return createHash('sha1').update(JSON.stringify(value)).digest('base64');
}
