// `npm run image [-- --out FILE --name NAME --uncompressed]`: an OCI image of this machine's platform, built without an engine.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { loadFunctions } from '../config/functions.ts';
import { packageRoot } from '../config/packageRoot.ts';
import { baseEntries, fileEntry, foldersOf, userId } from './base.ts';
import { imageFiles } from './contents.ts';
import { writeImage, writeLayer, type Layer } from './oci.ts';

export interface BuildOptions {
  /** Path of the tar. */
  out: string;
  name: string;
  compress: boolean;
}

/** Where the project lies in the image. */
const appFolder = 'app';
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** Base layer first; both are gone from disk afterwards, only the tar stays. */
export async function buildImage({ out, name, compress }: BuildOptions): Promise<Layer[]> {
  const architecture = architectures[process.arch];
  if (process.platform !== 'linux' || architecture === undefined)
    throw new Error(`this builds for Linux on x64 and arm64, not ${process.platform} on ${process.arch}`);
  const root = packageRoot();
  const files = imageFiles(root, { os: 'linux', cpu: process.arch });
  const native = files.filter((path) => /\.node$|\.so(\.\d+)*$/.test(path)).map((path) => join(root, path));
  const app = files.map((path) => fileEntry(`${appFolder}/${path}`, join(root, path), 0o644));
  mkdirSync(dirname(resolve(out)), { recursive: true });
  const work = mkdtempSync(join(dirname(resolve(out)), '.image-'));
  try {
    const layers = [
      await writeLayer(work, baseEntries(process.execPath, native), compress),
      await writeLayer(work, [...foldersOf(app.map(({ path }) => path)), ...app], compress),
    ];
    await writeImage(
      out,
      {
        name,
        architecture,
        entrypoint: ['/usr/bin/node'],
        command: ['dist/functions/host/main.js'],
        workingFolder: `/${appFolder}`,
        user: `${userId}:${userId}`,
        environment: { PATH: '/usr/bin', NODE_ENV: 'production' },
      },
      layers,
    );
    return layers;
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, name: { type: 'string' }, uncompressed: { type: 'boolean' } },
  });
  const out = values.out ?? join(packageRoot(), 'out/image.tar');
  const layers = await buildImage({
    out,
    name: values.name ?? loadFunctions().image,
    compress: values.uncompressed !== true,
  });
  const mebibytes = layers.map(({ size }) => (size / 2 ** 20).toFixed(1));
  process.stdout.write(`${out}: base ${mebibytes[0]} MiB, application ${mebibytes[1]} MiB\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
