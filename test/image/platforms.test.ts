// One archive for both processors: an index that readers understand, and each platform's files whole and for it alone.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { packageRoot } from '../../config/packageRoot.ts';
import { sharedLibraries } from '../../image/base.ts';
import { buildImage, type Built } from '../../image/build.ts';
import { elfFacts } from '../../image/elf.ts';
import { machinesIn, nativeFiles } from './otherPlatform.ts';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}
interface Index {
  manifests: Descriptor[];
}

const root = packageRoot();
const work = mkdtempSync(join(tmpdir(), 'mei-platforms-'));
const image = join(work, 'image');
const cpus = { 'linux/amd64': 'x64', 'linux/arm64': 'arm64' } as const;
type Platform = keyof typeof cpus;
const platforms = Object.keys(cpus) as Platform[];

let built: Built[] = [];
let lack: string | undefined;
const run = (program: string, args: string[]) =>
  execFileSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, timeout: 240_000 });
const blobPath = ({ digest }: Descriptor) => join(image, 'blobs/sha256', digest.replace('sha256:', ''));
const json = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T;
const systemOf = (platform: Platform) => join(work, cpus[platform]);

beforeAll(async () => {
  run('npm', ['run', '--silent', 'build']);
  const out = join(work, 'image.tar');
  try {
    built = await buildImage({ out, name: 'registry.example/mei:1', compress: false, platforms });
  } catch (error) {
    lack = (error as Error).message;
    // npm is in reach wherever this runs; Debian's packages are not.
    if (process.env['CI'] === 'true' && !lack.startsWith('apt-get')) throw error;
    return;
  }
  mkdirSync(image);
  run('tar', ['-xf', out, '-C', image]);
  rmSync(out);
  for (const each of built) {
    const system = systemOf(each.platform as Platform);
    mkdirSync(system);
    for (const { digest } of [each.base, each.native, each.application])
      run('tar', ['-xf', join(image, 'blobs/sha256', digest), '-C', system]);
  }
}, 600_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Files for the other processor come from registries of packages. */
function testBuilt(name: string, body: () => void | Promise<void>, timeoutMs = 60_000): void {
  test(
    name,
    async () => {
      if (lack === undefined) await body();
      else process.stderr.write(`SKIPPED ${name}: ${lack}\n`);
    },
    timeoutMs,
  );
}

testBuilt('is one entry by name, an index of both platforms, and every blob is what its digest says', () => {
  const [top, ...others] = json<Index>(join(image, 'index.json')).manifests;
  expect(others).toEqual([]);
  expect(top).toMatchObject({
    mediaType: 'application/vnd.oci.image.index.v1+json',
    annotations: { 'io.containerd.image.name': 'registry.example/mei:1' },
  });
  const list = json<Index>(blobPath(top!)).manifests;
  expect(list.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)).toEqual(platforms);
  const blobs = [top!, ...list];
  for (const descriptor of list) {
    const manifest = json<{ config: Descriptor; layers: Descriptor[] }>(blobPath(descriptor));
    const config = json<{ os: string; architecture: string; rootfs: { diff_ids: string[] } }>(
      blobPath(manifest.config),
    );
    expect(config).toMatchObject(descriptor.platform!);
    expect(config.rootfs.diff_ids).toEqual(manifest.layers.map(({ digest }) => digest));
    blobs.push(manifest.config, ...manifest.layers);
  }
  for (const blob of blobs) {
    const bytes = readFileSync(blobPath(blob));
    expect(bytes.length).toBe(blob.size);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(blob.digest);
  }
});

testBuilt('what is no machine code is one layer of both', () => {
  expect(built[0]!.application.digest).toBe(built[1]!.application.digest);
  expect(built[0]!.native.digest).not.toBe(built[1]!.native.digest);
});

testBuilt('all machine code of a platform is for its processor, and both have the same', () => {
  for (const platform of platforms) {
    const machines = machinesIn(systemOf(platform));
    expect(machines.size).toBeGreaterThan(12);
    expect(new Set(machines.values())).toEqual(new Set([cpus[platform]]));
  }
  const [amd64, arm64] = platforms.map((platform) => nativeFiles(join(systemOf(platform), 'app')));
  expect(amd64!.length).toBeGreaterThanOrEqual(6);
  expect(arm64).toEqual(amd64!.map((path) => path.replaceAll('x64', 'arm64')).sort());
});

testBuilt('every library that a program of it asks for is in it, where the loader looks', () => {
  const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
  for (const platform of platforms) {
    const system = systemOf(platform);
    const triplet = triplets[cpus[platform]];
    // The loader itself has a path of its own on x64.
    const folders = [`lib/${triplet}`, `usr/lib/${triplet}`, 'lib64'].map((folder) => join(system, folder));
    const brought = new Set(nativeFiles(join(system, 'app')).map((path) => basename(path)));
    const missing = [...machinesIn(system).keys()].flatMap((file) => {
      const { needed, interpreter } = elfFacts(file)!;
      if (interpreter !== undefined) expect(existsSync(join(system, interpreter))).toBe(true);
      return needed.filter(
        (name) => !brought.has(name) && !folders.some((folder) => existsSync(join(folder, name))),
      );
    });
    expect(missing).toEqual([]);
    expect(statSync(join(system, 'usr/bin/node')).mode & 0o777).toBe(0o755);
  }
});

const emulator = ['/usr/bin/qemu-aarch64-static', '/usr/bin/qemu-aarch64'].find((path) => existsSync(path));
if (emulator === undefined || process.arch !== 'x64' || process.getuid?.() !== 0)
  process.stderr.write(
    'SKIPPED running the image for arm64: it needs qemu-aarch64-static, an x64 machine and root\n',
  );
else
  testBuilt(
    'the image for arm64 runs: pictures, models and the store work in it',
    () => {
      const system = systemOf('linux/arm64');
      const embedder = 'models/embed/mei-embed-s2.u8.onnx';
      const program = `
        import sharp from 'sharp';
        import { InferenceSession } from 'onnxruntime-node';
        import Database from 'libsql';
        const { data, info } = await sharp({ create: { width: 64, height: 128, channels: 3, background: '#336699' } })
          .png().toBuffer().then((png) => sharp(png).raw().toBuffer({ resolveWithObject: true }));
        const session = await InferenceSession.create('/app/${embedder}');
        const store = new Database('/tmp/store.db');
        store.exec('create table person (id integer)');
        store.exec('insert into person values (7)');
        console.log(JSON.stringify({
          cpu: process.arch, picture: [info.width, info.height, data[0]], inputs: session.inputNames.length,
          person: store.prepare('select id from person').get().id,
        }));`;
      copyFileSync(emulator, join(system, 'tmp/emulator'));
      writeFileSync(join(system, 'app/check.mjs'), program);
      const said = execFileSync('chroot', [system, '/tmp/emulator', '/usr/bin/node', '/app/check.mjs'], {
        encoding: 'utf8',
        timeout: 240_000,
        env: { PATH: process.env['PATH'] },
      });
      expect(JSON.parse(said)).toEqual({ cpu: 'arm64', picture: [64, 128, 0x33], inputs: 1, person: 7 });
    },
    300_000,
  );

test('what is read of an ELF file is what the loader of this machine loads', () => {
  const loaded = sharedLibraries([process.execPath]);
  const wanted = [process.execPath, ...loaded].flatMap((file) => elfFacts(file)!.needed);
  const interpreter = elfFacts(process.execPath)!.interpreter!;
  const names = new Set([...wanted, basename(interpreter)]);
  expect([...names].sort()).toEqual(loaded.map((path) => basename(path)).sort());
  expect(elfFacts(process.execPath)!.cpu).toBe(process.arch);
  expect(elfFacts(join(root, 'package.json'))).toBeUndefined();
});

test('a platform that nothing can be built for is refused by name', async () => {
  const out = join(work, 'none.tar');
  await expect(
    buildImage({ out, name: 'mei:1', compress: false, platforms: ['linux/riscv64'] }),
  ).rejects.toThrow('this builds for linux/amd64 and linux/arm64, not for linux/riscv64');
  expect(existsSync(out)).toBe(false);
});
