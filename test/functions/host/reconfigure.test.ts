// A newer configuration in a running worker: who is asked, in which order, and what becomes of it.
import { afterEach, expect, test } from '@jest/globals';
import type { StageName, WorkerConfig } from '../../../config/worker.ts';
import { PermanentError, type StageFunction } from '../../../functions/function.ts';
import { cleanUp, recordingLog, start, until, workerConfig } from './support.ts';

afterEach(cleanUp);

const names: StageName[] = ['ingest', 'detect', 'embed'];

/** Stages that note that they were asked, and answer as they are told. */
function world(answers: Partial<Record<StageName, boolean | Error>> = {}) {
  const asked: string[] = [];
  const stages = Object.fromEntries(
    names.map((name): [StageName, StageFunction] => [
      name,
      {
        handle: async () => undefined,
        async reconfigure(next) {
          asked.push(`${name}/${next.task.generation}`);
          const answer = answers[name] ?? true;
          if (answer instanceof Error) throw answer;
          return answer;
        },
        status: () => ({ phase: 'Running', cameras: [], figures: {} }),
      },
    ]),
  );
  return { asked, stages };
}

function config(generation: number, change: (config: WorkerConfig) => void = () => undefined): WorkerConfig {
  const made = workerConfig(names);
  made.task.generation = generation;
  change(made);
  return structuredClone(made);
}

const camera = (id: string) => ({ ...workerConfig(names).cameras[0]!, id });

test('only stages whose part differs are asked, those that take events before those that give them', async () => {
  const { asked, stages } = world();
  const worker = await start(stages);
  expect(await worker.reconfigure(config(2, (next) => void (next.detect.params = { highScore: 0.7 })))).toBe(
    'taken',
  );
  expect(asked.splice(0)).toEqual(['detect/2']);
  const withCamera = config(3, (next) => {
    next.detect.params = { highScore: 0.7 };
    next.cameras.push(camera('c'));
  });
  expect(await worker.reconfigure(withCamera)).toBe('taken');
  expect(asked.splice(0)).toEqual(['embed/3', 'detect/3', 'ingest/3']);
  expect((await fetch(`${worker.url}cameras/c/frames`, { method: 'POST', body: 'x' })).status).not.toBe(404);
  expect(await worker.reconfigure({ ...withCamera, task: { ...withCamera.task, generation: 4 } })).toBe(
    'unchanged',
  );
  expect(asked).toEqual([]);
});

test.each<[string, string, (next: WorkerConfig) => void]>([
  ['an older generation', 'stale', (next) => void (next.task.generation = 0)],
  ['another task of the name', 'stale', (next) => void (next.task.uid = 'u2')],
  ['another worker', 'stale', (next) => void (next.worker = 'other')],
  ['other addresses', 'replaced', (next) => void (next.sinks = { x: 'http://elsewhere/' })],
  ['other threads', 'replaced', (next) => void (next.detect.threads = 2)],
  ['other stages', 'replaced', (next) => void (next.stages = ['ingest', 'detect'])],
])('%s is %s: nobody is asked', async (_, outcome, change) => {
  const { asked, stages } = world();
  const worker = await start(stages);
  const next = config(2, (made) => {
    made.cameras.push(camera('c'));
    change(made);
  });
  expect(await worker.reconfigure(next)).toBe(outcome);
  expect(asked).toEqual([]);
});

test('a stage that cannot take it, or knows no other configuration, asks for a new process', async () => {
  const { stages } = world({ detect: false });
  const worker = await start(stages);
  const next = config(2, (made) => void (made.detect.params = { highScore: 0.7 }));
  expect(await worker.reconfigure(next)).toBe('restart');
  const simple = await start({ detect: { handle: async () => undefined } });
  expect(
    await simple.reconfigure({
      ...structuredClone(workerConfig(['detect'])),
      detect: { threads: 1, params: { a: 1 } },
    }),
  ).toBe('restart');
});

test('one that cannot work is refused, stays out of force and is told in every report until another one works', async () => {
  const answers: Partial<Record<StageName, Error>> = { detect: new PermanentError('highScor is not known') };
  const { stages } = world(answers);
  const reports: { stage: string; message?: string }[] = [];
  stages['status'] = {
    handle: async ({ data }) => void reports.push(data as (typeof reports)[number]),
  };
  const { log, lines } = recordingLog();
  const worker = await start(stages, { log, reportIntervalMs: 20 });
  const all = [...names, 'status'] as StageName[];
  const next = (generation: number): WorkerConfig => ({
    ...workerConfig(all),
    task: { ...workerConfig(all).task, generation },
    detect: { threads: 1, params: { highScor: 1 } },
  });
  expect(await worker.reconfigure(next(2))).toBe('refused');
  const words = 'generation 2 is not in force: highScor is not known';
  await until(() => reports.some(({ message }) => message === words), 'the report says it');
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
    { keys: { generation: 2, reason: words } },
  ]);
  delete answers.detect;
  expect(await worker.reconfigure(next(3))).toBe('taken');
  const count = reports.length;
  await until(
    () => reports.slice(count + 4).some(({ message }) => message === undefined),
    'it is quiet again',
  );
});

test('two that come at once are taken one after the other', async () => {
  const { asked, stages } = world();
  const worker = await start(stages);
  const params = (generation: number) =>
    config(generation, (next) => void (next.detect.params = { highScore: generation / 10 }));
  expect(await Promise.all([worker.reconfigure(params(3)), worker.reconfigure(params(2))])).toEqual([
    'taken',
    'stale',
  ]);
  expect(asked).toEqual(['detect/3']);
});

test('a worker that is ending takes nothing', async () => {
  const { asked, stages } = world();
  const worker = await start(stages);
  const ending = worker.drain();
  expect(await worker.reconfigure(config(2, (next) => void next.cameras.push(camera('c'))))).toBe('stale');
  await ending;
  expect(asked).toEqual([]);
});
