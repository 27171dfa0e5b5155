// `mei run`: runs a task on this machine with the same translation, functions and events as in a cluster.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { loadFunctions } from '../config/functions.ts';
import { defaultModels, resolveModel } from '../config/models.ts';
import type { Task } from '../config/schema/resource.ts';
import type { Status } from '../config/schema/status.ts';
import { desired, type DesiredTask } from '../controller/desired.ts';
import { usesJetStream } from '../controller/jetStreams.ts';
import { startWorkers } from '../controller/processes.ts';
import { watchReadiness, type Unready } from '../controller/readiness.ts';
import { serveRun } from './console.ts';
import { forgetErasedMeanwhile } from './forgetMeanwhile.ts';
import { ensureModels } from './models.ts';
import { finishWithoutReader, readerLeft } from './outputReader.ts';
import { createProgress, type Progress, type ProgressStyle } from './progress.ts';
import { writeResults } from './report.ts';
import { readTask, taskFileName, withAbsolutePaths } from './taskFile.ts';
import { exitCodes, UserError } from './userError.ts';

interface RunOptions {
  out?: string;
  for?: number;
  video: boolean;
  console: boolean;
  json: boolean;
}

const statusIntervalMs = 500;
/** How long a worker may be unable to work, such as with a full disk, before the run ends. */
const patienceMs = 45_000;
/** A busy worker may miss a question or two. */
const noticeMs = 8_000;

export function runCommand(): Command {
  return new Command('run')
    .description('Run a task on this machine until its recordings end, or until Ctrl-C')
    .argument('<task.yaml>', 'the task; paths in it are relative to the file')
    .option(
      '-o, --out <folder>',
      'folder for results and store; a second run there goes on with the same identities',
    )
    .option('--for <seconds>', 'stop after so many seconds', positiveNumber)
    .option('--no-video', 'do not write annotated videos')
    .option('--no-console', 'do not serve the console, which shows the run in the browser')
    .option('--json', 'print JSON lines instead of bars', false)
    .addHelpText(
      'after',
      `
Results, in out/<task>/<time> or --out:
  identities.jsonl          one person a line: where and when, and why it is one person
  cameras/<id>/mot.txt      boxes with identity numbers, MOTChallenge format
  cameras/<id>/annotated.*  pictures and videos with boxes and numbers; they stay on this machine
  status.json               what the resource's .status would say
  workers/*.log             the workers' logs, JSON lines
\`mei export\` gives them to other tools.

Examples:
  $ mei run config/samples/two-cameras.yaml
  $ mei run my-task.yaml --for 60 --out out/minute      a minute of live cameras, into a folder of your choice
  $ mei run my-task.yaml --no-video --json | jq .       for scripts: a JSON line for each change

Exit codes: 0 done, 1 failed, 2 the task is wrong, 3 some cameras failed and the others are done.`,
    )
    .action(run);
}

async function run(taskPath: string, options: RunOptions): Promise<void> {
  const task = withAbsolutePaths(await readTask(taskPath), taskPath);
  if (task.spec.suspend)
    throw new UserError(`${taskPath}: the task is suspended; set spec.suspend: false to run it`);
  if (task.spec.delivery.type === 'Broker' && !usesJetStream(task))
    console.error('mei: note: a Knative Broker is for clusters: here events go by HTTP');
  const out = await makeOutFolder(task, options.out);
  await writeFile(join(out, taskFileName), JSON.stringify(task));
  const plan = planLocally(task, out);
  const style: ProgressStyle = options.json ? 'json' : process.stdout.isTTY ? 'bars' : 'lines';
  await ensureModels(
    plan.workers.flatMap(({ config }) => Object.values(config.models)),
    style,
  );
  finishWithoutReader();
  const stopped = stopSignals(options.for);
  const progress = createProgress(
    style,
    task.spec.cameras.map((camera) => camera.id),
  );
  let status: Status;
  try {
    status = await runWorkers(plan, { out, stopped, progress, console: options.console });
  } finally {
    progress.stop();
    stopped.release();
  }
  await forgetErasedMeanwhile(out);
  await writeResults({ task, out, status, video: options.video, style });
  checkCameras(status);
}

/** The same desired() as in a cluster, with folders and threads of this machine. */
function planLocally(task: Task, out: string): DesiredTask {
  try {
    return desired(task, {
      functions: loadFunctions(),
      resolveModel,
      defaultModels,
      threads: Math.min(2, availableParallelism()),
      clockStart: Math.floor(Date.now() / 1000),
      resultsFolder: join(out, 'cameras'),
      storeFolder: out,
      outboxFolder: join(out, 'outbox'),
      // Who runs into the same folder again goes on in the same stream.
      streamId: createHash('sha256').update(out).digest('hex'),
    });
  } catch (cause) {
    throw new UserError((cause as Error).message, exitCodes.badInput, { cause });
  }
}

interface Running {
  out: string;
  stopped: StopSignals;
  progress: Progress;
  /** Whether the console is served meanwhile. */
  console: boolean;
}

/** Runs until everything is completed, every camera failed, a worker is given up, or a stop is asked for. */
async function runWorkers(
  plan: DesiredTask,
  { out, stopped, progress, console: isShown }: Running,
): Promise<Status> {
  let fatal: string | undefined;
  const beganMs = Date.now();
  const workers = await startWorkers(plan, {
    folder: out,
    onTrouble(worker, message, isFatal) {
      progress.say(`${worker}: ${message}`);
      if (isFatal) fatal = `${worker}: ${message}`;
    },
  }).catch((cause: Error) => {
    throw new UserError(cause.message, exitCodes.failed, { cause });
  });
  for (const line of pushAddresses(plan, workers.urls)) progress.say(line);
  const matching = plan.workers.find(({ config }) => config.stages.includes('match'));
  const matchUrl = matching && workers.urls.get(matching.name);
  if (matchUrl !== undefined) progress.say(`Questions about people: mei search --url ${matchUrl}`);
  const shown =
    isShown && matchUrl !== undefined ? await serveRun(out, matchUrl, () => stopped.stop()) : undefined;
  if (shown) progress.say(`Watch it in the browser: ${shown.url}`);
  const readiness = watchReadiness(workers.urls);
  const said = new Set<string>();
  try {
    while (!stopped.signal.aborted && fatal === undefined) {
      fatal = lastingTrouble(await readiness.ask(), said, progress);
      const status = await readStatus(out);
      if (status) progress.show(status);
      if (status && isOver(status, beganMs)) break;
      await pause(statusIntervalMs, stopped.signal);
    }
  } finally {
    // What could not be delivered for so long will not be delivered now.
    await workers.stop(fatal === undefined ? undefined : 2_000);
    await shown?.close();
  }
  if (fatal !== undefined) throw new UserError(fatal);
  const status = (await readStatus(out)) ?? {};
  progress.show(status);
  return status;
}

/** Reports that an earlier run into this folder could not deliver any more come first, and are about that run. */
function isOver({ phase, nodes = [] }: Status, beganMs: number): boolean {
  if (phase !== 'Completed' && phase !== 'Failed') return false;
  return nodes.every(({ lastReportTime }) => Date.parse(lastReportTime ?? '') >= beganMs);
}

/** Says once what keeps a worker from working; gives the reason to end when it has lasted too long. */
function lastingTrouble(unready: Unready[], said: Set<string>, progress: Progress): string | undefined {
  for (const { worker, reason, forMs } of unready) {
    if (forMs > patienceMs) return `${worker}: ${reason}`;
    if (forMs < noticeMs || said.has(worker)) continue;
    said.add(worker);
    progress.say(`${worker}: ${reason}; waiting for it to get better`);
  }
  for (const worker of said) if (!unready.some((each) => each.worker === worker)) said.delete(worker);
  return undefined;
}

/** Where cameras that push their pictures have to send them. */
function pushAddresses(plan: DesiredTask, urls: ReadonlyMap<string, string>): string[] {
  return plan.workers
    .filter(({ config }) => config.stages.includes('ingest'))
    .flatMap(({ name, config }) =>
      config.cameras
        .filter(({ source }) => source.type === 'Push')
        .map(({ id }) => `${id}: POST pictures to ${urls.get(name)}cameras/${id}/frames`),
    );
}

function checkCameras(status: Status): void {
  const cameras = status.cameras ?? [];
  const failed = cameras.filter((camera) => camera.state === 'failed');
  if (failed.length === 0) return;
  const lines = failed.map(({ id, message }) => `camera ${id} failed: ${message ?? 'no reason given'}`);
  const all = failed.length === cameras.length;
  throw new UserError(lines.join('\nmei: '), all ? exitCodes.failed : exitCodes.someCamerasFailed);
}

async function readStatus(folder: string): Promise<Status | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'status.json'), 'utf8')) as Status;
  } catch {
    // Not written yet; it is replaced atomically, so it is never half there.
    return undefined;
  }
}

async function makeOutFolder(task: Task, given: string | undefined): Promise<string> {
  const name = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const out = resolve(given ?? join('out', task.metadata.name, name));
  try {
    await mkdir(out, { recursive: true });
    if (given === undefined) await pointLatestTo(out);
  } catch (cause) {
    throw new UserError(
      `${out}: results cannot be written there: ${(cause as Error).message}; choose another --out`,
      1,
      {
        cause,
      },
    );
  }
  // A status of an earlier run there would end this one at once.
  await rm(join(out, 'status.json'), { force: true });
  return out;
}

async function pointLatestTo(out: string): Promise<void> {
  const link = join(dirname(out), 'latest');
  await rm(link, { force: true });
  await symlink(relative(dirname(out), out), link);
}

interface StopSignals {
  signal: AbortSignal;
  stop(): void;
  release(): void;
}

/** Ctrl-C, SIGTERM, the end of `--for` or of who reads the output stop gracefully; a second Ctrl-C ends at once. */
function stopSignals(seconds: number | undefined): StopSignals {
  const controller = new AbortController();
  const timer = seconds === undefined ? undefined : setTimeout(() => controller.abort(), seconds * 1000);
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    console.error('\nmei: stopping; results so far are written. Press Ctrl-C again to end at once.');
    controller.abort();
  };
  const onReaderLeft = () => controller.abort();
  if (readerLeft.aborted) onReaderLeft();
  readerLeft.addEventListener('abort', onReaderLeft);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stop: () => controller.abort(),
    release() {
      clearTimeout(timer);
      readerLeft.removeEventListener('abort', onReaderLeft);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    }
  });
}

function positiveNumber(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError('give a number of seconds above 0');
  return number;
}
