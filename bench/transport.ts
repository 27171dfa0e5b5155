// Measures the host's way between two processes over loopback HTTP: npx tsx bench/transport.ts. Frames are the load of PerStage packing.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventTypes } from '../config/events.ts';
import { loadFunctions } from '../config/functions.ts';
import { startWorker } from '../functions/host/worker.ts';
import type { FrameData, StageEvent, TracksData } from '../config/events.ts';
import type { StageName, WorkerConfig } from '../config/worker.ts';
import type { Context, Log, StageFunction } from '../functions/function.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error: console.error };

function worker(name: StageName, stage: StageFunction, sinks: Record<string, string> = {}) {
  const config = {
    task: { name: 'bench', namespace: 'default', uid: 'u', generation: 1 },
    worker: name,
    node: 'local',
    stages: [name],
    cameras: [],
    sinks,
  } as Partial<WorkerConfig> as WorkerConfig;
  const load = async () => async () => stage;
  const times = { reportIntervalMs: 3_600_000, drainDeadlineMs: 20_000, drainGraceMs: 0 };
  return startWorker({ config, functions: loadFunctions(), load, log, port: 0, host: '127.0.0.1', ...times });
}

/** The child: takes frames as detect or tracks as embed, tells its port and its processor time. */
async function receive(name: StageName) {
  let checksum = 0;
  const receiver = await worker(name, {
    async handle(event) {
      const { pixels } = event.data as FrameData;
      checksum += pixels ? pixels[pixels.length - 1]! : 1;
    },
  });
  process.on('message', () => process.send!({ cpu: process.cpuUsage(), checksum }));
  process.on('disconnect', () => void receiver.drain().then(() => process.exit(0)));
  process.send!({ port: receiver.port });
}

function frame(sequence: number, width: number, height: number): StageEvent<FrameData> {
  const time = 1_700_000_000 + sequence / 25;
  const pixels = new Uint8Array(width * height * 3).fill(sequence);
  const data = { camera: 'cam', sequence, time, width, height, pixels };
  return { ...head(sequence, eventTypes.frame), data };
}

function tracks(sequence: number, people: number, camera = 'cam'): StageEvent<TracksData> {
  const data: TracksData = {
    camera,
    session: 's',
    sequence,
    time: 1_700_000_000 + sequence / 25,
    width: 768,
    height: 576,
    ids: new Uint32Array(people),
    boxes: new Float32Array(people * 4),
    scores: new Float32Array(people),
    ended: new Uint32Array(0),
    crops: [],
  };
  return { ...head(sequence, eventTypes.tracks, camera), data };
}

function head(sequence: number, type: string, camera = 'cam') {
  const time = new Date(1_700_000_000_000 + sequence * 40).toISOString();
  return { id: `${camera}-${sequence}`, source: '/bench', type, time, subject: camera, partitionkey: camera };
}

async function measure(
  what: string,
  stage: StageName,
  count: number,
  make: (i: number) => StageEvent,
  ahead: number,
) {
  const child = fork(fileURLToPath(import.meta.url), [stage], { execArgv: process.execArgv });
  const answer = <T>() =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)));
  const { port } = await answer<{ port: number }>();
  const usage = () => {
    const reply = answer<{ cpu: NodeJS.CpuUsage }>();
    child.send('usage');
    return reply;
  };
  const next = stage === 'detect' ? 'ingest' : 'detect';
  const type = stage === 'detect' ? eventTypes.frame : eventTypes.tracks;
  let context!: Context;
  const source: StageFunction = {
    handle: async () => undefined,
    init: async (given) => void (context = given),
  };
  const sender = await worker(next, source, { [type]: `http://127.0.0.1:${port}/` });
  const warmUp = Math.ceil(count / 10);
  const run = async (from: number, to: number) => {
    const sending = new Set<Promise<void>>();
    for (let i = from; i < to; i++) {
      const sent = context.emit(make(i)).finally(() => sending.delete(sent));
      sending.add(sent);
      if (sending.size >= ahead) await Promise.race(sending);
    }
    await Promise.all(sending);
  };
  await run(0, warmUp);
  const before = { far: (await usage()).cpu, near: process.cpuUsage(), at: performance.now() };
  await run(warmUp, warmUp + count);
  const ms = (performance.now() - before.at) / count;
  const near = process.cpuUsage(before.near);
  const far = (await usage()).cpu;
  const cpuMs = (used: NodeJS.CpuUsage) => (used.user + used.system) / 1000 / count;
  const farMs = cpuMs({ user: far.user - before.far.user, system: far.system - before.far.system });
  console.log(
    `${what.padEnd(34)} ${(1000 / ms).toFixed(0).padStart(6)} events/s  ${ms.toFixed(2)} ms each; ` +
      `processor ms each: sender ${cpuMs(near).toFixed(2)}, receiver ${farMs.toFixed(2)}`,
  );
  await sender.drain();
  child.disconnect();
}

const role = process.argv[2] as StageName | undefined;
if (role) await receive(role);
else {
  const pictures = Array.from({ length: 4 }, (_, i) => frame(i, 768, 576).data.pixels);
  const frames = Array.from({ length: 1000 }, (_, i) => frame(i, 1, 1)).map((event, i) => ({
    ...event,
    data: { ...event.data, width: 768, height: 576, pixels: pictures[i % 4]! },
  }));
  await measure('frames 768x576, one camera', 'detect', 900, (i) => frames[i]!, 2);
  await measure('tracks of 10 people, one camera', 'embed', 5000, (i) => tracks(i, 10), 2);
  await measure('tracks of 10 people, 16 cameras', 'embed', 10_000, (i) => tracks(i, 10, `cam${i % 16}`), 32);
}
