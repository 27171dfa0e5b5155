import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readSettings } from '../../../functions/host/settings.ts';
import { checkWorkerConfig } from '../../../functions/host/workerConfig.ts';
import { streamEnded, until, workerConfig } from './support.ts';
import type { ChildProcess } from 'node:child_process';
import type { StageName } from '../../../config/worker.ts';

const root = new URL('../../../', import.meta.url).pathname;
const children: ChildProcess[] = [];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-host-'));
  const list = readFileSync(join(root, 'serverless.yml'), 'utf8');
  // Every stage is the recorder of this folder; nothing else of the list changes.
  writeFileSync(
    join(folder, 'functions.yml'),
    list.replace(/handler: .*/g, 'handler: test/functions/host/recorder.create'),
  );
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The real process entry under tsx; `lines` are its log. */
function run(
  stages: StageName[],
  env: Record<string, string> = {},
  config: object = workerConfig(stages),
  preload: string[] = [],
) {
  const configPath = join(folder, `${stages.join('-')}.json`);
  writeFileSync(configPath, JSON.stringify(config));
  const child = fork(join(root, 'functions/host/main.ts'), {
    cwd: root,
    execArgv: ['--import', 'tsx', ...preload],
    env: {
      ...process.env,
      MEI_WORKER_CONFIG: configPath,
      MEI_FUNCTIONS: join(folder, 'functions.yml'),
      RECORD: join(folder, 'record.txt'),
      NODE_OPTIONS: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  const messages: { type: string; port?: number; message?: string }[] = [];
  let output = '';
  child.on('message', (message) => messages.push(message as { type: string }));
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exited = once(child, 'exit').then(([code, signal]) => (code as number | null) ?? String(signal));
  const listening = async () => {
    await until(() => messages.length > 0 || child.exitCode !== null, 'the worker starts', 30_000);
    return messages[0]!.port!;
  };
  return { child, exited, listening, messages, output: () => output };
}

const post = (port: number, camera: string) =>
  fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({ specversion: '1.0', ...streamEnded(camera) }),
  });

const record = () => readFileSync(join(folder, 'record.txt'), 'utf8').split('\n').filter(Boolean);

describe('the process', () => {
  test('tells its port, takes events, drains on SIGTERM and exits with 0', async () => {
    writeFileSync(join(folder, 'record.txt'), '');
    const { child, exited, listening, output } = run(['detect', 'embed']);
    const port = await listening();
    expect(
      JSON.parse(
        output()
          .split('\n')
          .find((line) => line.includes('"listening"'))!,
      ),
    ).toMatchObject({ port, worker: 'w-detect-embed' });
    expect((await post(port, 'a')).status).toBe(202);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(record()).toEqual(['a-end', 'shutdown', 'shutdown']);
  });

  test('hears SIGTERM before it loads a package: the first process of a container would ignore it until then', async () => {
    const loaded = `Object.keys(createRequire('/').cache).filter((path) => /node_modules.(?!tsx|esbuild)/.test(path)).length`;
    const preload = `import { createRequire } from 'node:module';
      process.once('newListener', function tell(name) {
        if (name === 'SIGTERM') console.log('heard after ' + ${loaded});
        else process.once('newListener', tell);
      });
      process.on('exit', () => console.log('ended after ' + ${loaded}));`;
    const url = `data:text/javascript,${encodeURIComponent(preload)}`;
    const { child, exited, listening, output } = run(['detect'], {}, workerConfig(['detect']), [
      '--import',
      url,
    ]);
    await listening();
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(output()).toMatch(/^heard after 0$/m);
    expect(output()).toMatch(/^ended after [1-9]/m);
  });

  test('drains when its parent goes; Ctrl-C in the terminal is left to the parent', async () => {
    writeFileSync(join(folder, 'record.txt'), '');
    const { child, exited, listening } = run(['detect'], { MEI_PARENT_IPC: '1' });
    const port = await listening();
    child.kill('SIGINT');
    expect((await post(port, 'b')).status).toBe(202);
    child.disconnect();
    expect(await exited).toBe(0);
    expect(record()).toEqual(['b-end', 'shutdown']);
  });

  test('an uncaught error is one log line and exit code 1', async () => {
    const { exited, listening, output } = run(['detect']);
    await post(await listening(), 'crash');
    expect(await exited).toBe(1);
    expect(
      output()
        .split('\n')
        .filter((line) => line.includes('"uncaught error"')),
    ).toHaveLength(1);
  });

  test('a stage that cannot start: the reason on one line, also to the parent, exit code 1', async () => {
    const { exited, messages, output } = run(['match'], { RECORD: '', MEI_LOG_LEVEL: 'error' });
    expect(await exited).toBe(1);
    expect(output().trim()).toBe('RECORD: must name a file');
    expect(messages).toEqual([{ type: 'failed', message: 'RECORD: must name a file' }]);
  });

  test('a bad configuration: every problem, exit code 1', async () => {
    const { exited, output } = run(
      ['detect'],
      {},
      { ...workerConfig(['detect']), node: 5, sinks: { x: 'ftp://y' } },
    );
    expect(await exited).toBe(1);
    expect(output()).toMatch(/detect\.json: node: must be/);
    expect(output()).toMatch(/detect\.json: sinks/);
    expect(output()).not.toMatch(/ {4}at /);
  });
});

describe('the configuration', () => {
  const all = workerConfig(['detect'], {
    cameras: [
      {
        id: 'a',
        source: {
          type: 'RTSP',
          uri: 'rtsp://x',
          startTime: 5,
          realtime: true,
          usernameEnv: 'U',
          passwordEnv: 'P',
          transport: 'UDP',
        },
        fps: 5,
        homography: [1, 0, 0, 0, 1, 0, 0, 0, 1],
        mask: [{ name: 'm', points: [0, 0, 1, 0, 1, 1] }],
      },
    ],
    models: {
      detect: {
        name: 'd',
        task: 'detect',
        uri: '/m',
        sha256: 'a'.repeat(64),
        input: { width: 1, height: 1, resize: 'stretch' },
        scoreThreshold: 0.5,
        nmsIou: 0.5,
        dimensions: 3,
        sameThreshold: 0.4,
        margin: 0.1,
      },
    },
    match: {
      acrossCamera: true,
      mode: 'SingleObject',
      threshold: 0.5,
      margin: 0.1,
      votes: 2,
      unknownBelow: 0.2,
      overlaps: [{ cameras: ['a', 'b'] }],
      travel: [{ from: 'a', to: 'b', minS: 1, maxS: 2 }],
      targets: [{ name: 't', images: ['x'] }],
      retentionS: 5,
      params: { x: 1 },
    },
    resultsFolder: '/r',
    storeFolder: '/s',
  });

  test('every field of the type is known to the check', () => {
    expect(checkWorkerConfig(structuredClone(all), 'x')).toEqual(all);
  });

  test('stages come in the order of the chain', () => {
    expect(checkWorkerConfig(workerConfig(['embed', 'ingest', 'detect']), 'x').stages).toEqual([
      'ingest',
      'detect',
      'embed',
    ]);
  });

  test.each<[string, object]>([
    ['stages', { stages: [] }],
    ['stages[0]', { stages: ['nothing'] }],
    [
      'cameras[0].source.type',
      { cameras: [{ ...all.cameras[0], source: { ...all.cameras[0]!.source, type: 'USB' } }] },
    ],
    ['models.detect.sha256', { models: { detect: { ...all.models.detect, sha256: 'x' } } }],
    ['match.overlaps[0].cameras', { match: { ...all.match, overlaps: [{ cameras: ['a'] }] } }],
  ])('problems name their place: %s', (path, change) => {
    expect(() => checkWorkerConfig({ ...structuredClone(all), ...change }, 'file')).toThrow(
      `file: ${path}: `,
    );
  });
});

describe('the environment', () => {
  test('defaults', () => {
    expect(readSettings({ MEI_WORKER_CONFIG: 'w.json' })).toEqual({
      natsFiles: {},
      configPath: 'w.json',
      port: 0,
      host: '127.0.0.1',
      reportIntervalMs: 2000,
      delivery: { timeoutMs: 30_000, longestDelayMs: 15_000 },
      drainDeadlineMs: 25_000,
      drainGraceMs: 0,
      overrides: {},
      replies: true,
      followsParent: false,
      logLevel: 'info',
    });
  });

  test('sink and overrides', () => {
    const env = {
      MEI_WORKER_CONFIG: 'w',
      K_SINK: 'http://broker/x',
      K_CE_OVERRIDES: '{"extensions":{"tenant":"t"}}',
    };
    expect(readSettings(env)).toMatchObject({ defaultSink: 'http://broker/x', overrides: { tenant: 't' } });
  });

  test('all problems in one message', () => {
    const env = {
      PORT: '70000',
      K_SINK: 'broker',
      K_CE_OVERRIDES: '{"extensions":{"Bad":"t"}}',
      MEI_LOG_LEVEL: 'loud',
    };
    expect(() => readSettings(env)).toThrow(
      /K_SINK.*\nMEI_WORKER_CONFIG.*\nMEI_LOG_LEVEL.*\nPORT.*\nK_CE_OVERRIDES/,
    );
  });
});
