// The image that is built without an engine: what is in it, what is not, and that its programs start as its user on a read-only root.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventTypes } from '../../config/events.ts';
import { resolveModel } from '../../config/models.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { buildImage } from '../../image/build.ts';
import { workerConfig } from '../functions/host/support.ts';
import { createTask, eventually, install } from '../controller/liveController.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { startContainer } from './container.ts';
import { machineOf, nativeFiles } from './otherPlatform.ts';

interface Descriptor {
  digest: string;
  size: number;
}
interface Lock {
  packages: Record<string, { dev?: boolean }>;
}

const root = packageRoot();
const work = mkdtempSync(join(tmpdir(), 'mei-image-'));
const image = join(work, 'image');
const system = join(work, 'system');
const listing: string[] = [];

const run = (program: string, args: string[]) =>
  execFileSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, timeout: 240_000 });
const blobPath = ({ digest }: Descriptor) => join(image, 'blobs/sha256', digest.replace('sha256:', ''));
const json = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T;

beforeAll(async () => {
  run('npm', ['run', '--silent', 'build']);
  const out = join(work, 'image.tar');
  const [built] = await buildImage({ out, name: 'registry.example/mei:1', compress: false });
  const layers = [built!.base, built!.native, built!.application];
  process.stderr.write(
    `image: ${layers.map(({ size }) => `${Math.round(size / 2 ** 20)} MiB`).join(' + ')}\n`,
  );
  // Debian's tar reads what we wrote: one's own reader would share one's own mistakes.
  for (const folder of [image, system]) mkdirSync(folder);
  run('tar', ['-xf', out, '-C', image]);
  rmSync(out);
  for (const layer of layers) {
    listing.push(
      ...run('tar', ['-tvf', blobPath(layer)])
        .trimEnd()
        .split('\n'),
    );
    run('tar', ['-xf', blobPath(layer), '-C', system]);
  }
}, 300_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

const paths = () => listing.map((line) => line.split(/\s+/).slice(5).join(' '));

test('index, manifest, config and layers fit together', () => {
  const index = json<{ manifests: [Descriptor] }>(join(image, 'index.json'));
  expect(index.manifests[0]).toMatchObject({
    annotations: { 'io.containerd.image.name': 'registry.example/mei:1' },
  });
  const manifest = json<{ config: Descriptor; layers: Descriptor[] }>(blobPath(index.manifests[0]));
  const config = json<{ rootfs: { diff_ids: string[] } }>(blobPath(manifest.config));
  expect(config).toMatchObject({
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    config: { User: '65532:65532', WorkingDir: '/app', Entrypoint: ['/usr/bin/node'] },
  });
  expect(config.rootfs.diff_ids).toEqual(manifest.layers.map(({ digest }) => digest));
  for (const blob of [index.manifests[0], manifest.config, ...manifest.layers]) {
    const bytes = readFileSync(blobPath(blob));
    expect(bytes.length).toBe(blob.size);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(blob.digest);
  }
});

test('no package that only builds or tests is in it', () => {
  const lock = json<Lock>(join(root, 'package-lock.json'));
  const forDevelopers = Object.entries(lock.packages).filter(([, { dev }]) => dev === true);
  const folders = new Set(paths().map((path) => path.replace(/^app\//, '').replace(/\/[^/]*$/, '')));
  expect(forDevelopers.length).toBeGreaterThan(300);
  expect(forDevelopers.map(([folder]) => folder).filter((folder) => folders.has(folder))).toEqual([]);
  expect(folders).toContain('node_modules/express');
});

test('no sources, tests, maps, programs for other platforms or models without need', () => {
  const unwanted =
    /\.[cm]?ts$|\.map$|^app\/(test|bench|docs|training|samples)\/|\/(win32|darwin)\/|musl|dist\/config\/generate/;
  const otherCpu = process.arch === 'x64' ? /linux[-/]arm64/ : /linux[-/]x64/;
  expect(paths().filter((path) => unwanted.test(path) || otherCpu.test(path))).toEqual([]);
  expect(paths()).toEqual(
    expect.arrayContaining([
      'app/serverless.yml',
      'app/config/models.yaml',
      'app/dist/functions/host/main.js',
    ]),
  );
});

test('machine code is for this processor', () => {
  const app = join(system, 'app');
  const native = nativeFiles(app);
  expect(native.length).toBeGreaterThanOrEqual(6);
  expect(new Set(native.map((path) => machineOf(join(app, path))))).toEqual(new Set([process.arch]));
});

test('everything belongs to root and nobody else may write to it, except below /tmp', () => {
  const open = listing.filter((line) => !/^.(r..r-.r-.|rwxrwxrwt) (root\/root|0\/0)/.test(line));
  expect(open).toEqual([]);
});

const canEnter = process.getuid?.() === 0;
const testAsRoot = canEnter || process.env['CI'] === 'true' ? test : test.skip;
if (!canEnter)
  process.stderr.write('SKIPPED starting the image: it needs root for a root folder of its own\n');

testAsRoot(
  'a worker of it becomes ready, as its user and on a read-only root',
  async () => {
    const source = { type: 'File', uri: '/tmp/given/left.mp4', realtime: true, transport: 'TCP' } as const;
    const config = workerConfig(['ingest', 'detect', 'match', 'status'], {
      cameras: [{ id: 'left', source: { ...source, startTime: 0 }, mask: [] }],
      models: { detect: resolveModel({ name: 'mb3-centernet-person-512' }, 'detect') },
      storeFolder: '/tmp/store',
      sinks: { [eventTypes.tracks]: 'http://127.0.0.1:9/', [eventTypes.stream]: 'http://127.0.0.1:9/' },
    });
    const files = {
      'worker.json': JSON.stringify(config),
      'left.mp4': readFileSync(join(root, 'samples/left.mp4')),
    };
    const environment = { MEI_WORKER_CONFIG: '/tmp/given/worker.json' };
    const worker = await startContainer(system, 'dist/functions/host/main.js', files, environment);
    try {
      await worker.waitFor('/readyz');
      expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain('mei_camera_frames');
      expect(worker.log()).toContain('65532 EROFS');
    } finally {
      await worker.stop();
    }
  },
  120_000,
);

onCluster('the controller of the image on a real API server', {}, (cluster) => {
  testAsRoot(
    'works with the rights of the install',
    async () => {
      const { url, certificate, request } = cluster();
      const token = await install(cluster());
      const files = {
        kubeconfig: JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          'current-context': 'test',
          clusters: [
            { name: 'test', cluster: { server: url, 'certificate-authority-data': base64(certificate) } },
          ],
          users: [{ name: 'test', user: { token } }],
          contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
        }),
      };
      const environment = { KUBECONFIG: '/tmp/given/kubeconfig', MEI_IMAGE: 'registry.example/mei:1' };
      const controller = await startContainer(system, 'dist/controller/main.js', files, environment);
      try {
        await controller.waitFor('/readyz');
        await createTask(
          cluster(),
          'hall',
          '{cameras: [{id: left, node: edge-1, source: {uri: "rtsp://192.0.2.1/a"}}]}',
        );
        const path = '/apis/apps/v1/namespaces/default/deployments/hall-detect-edge-1';
        const made = await eventually(
          () => request('GET', path),
          ({ status }) => status === 200,
        );
        expect(JSON.stringify(made.body)).toContain('"image":"registry.example/mei:1"');
      } finally {
        await controller.stop();
      }
    },
    120_000,
  );
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
