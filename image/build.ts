// `npm run image [-- --platform LIST --out FILE --name NAME --uncompressed]`: an OCI image, built without an engine.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { loadFunctions } from '../config/functions.ts';
import { packageRoot } from '../config/packageRoot.ts';
import { baseEntries, fileEntry, foldersOf, ownBase, userId, type Base } from './base.ts';
import { imageFiles } from './contents.ts';
import { debianLibraries } from './debian.ts';
import { writeImage, writeLayer, type Layer, type PlatformImage } from './oci.ts';
import { nodeFor, rootFor } from './otherPlatform.ts';

export interface BuildOptions {
  /** Path of the tar. */
  out: string;
  name: string;
  compress: boolean;
  /** Such as linux/amd64; absent: the one of this machine. */
  platforms?: readonly string[];
}

/** Node, what is native, and the rest, which all platforms share. */
export interface Built {
  platform: string;
  base: Layer;
  native: Layer;
  application: Layer;
}

/** Where the project lies in the image. */
const appFolder = 'app';
const processors: Record<string, string> = { 'linux/amd64': 'x64', 'linux/arm64': 'arm64' };

/** Layers are gone from disk afterwards, only the tar stays. @throws Error when something for a platform cannot be had */
export async function buildImage({ out, name, compress, platforms }: BuildOptions): Promise<Built[]> {
  const wanted = [...new Set(platforms ?? [ownPlatform()])];
  const cpus = wanted.map((platform) => {
    const cpu = processors[platform];
    if (cpu === undefined)
      throw new Error(`this builds for ${Object.keys(processors).join(' and ')}, not for ${platform}`);
    return cpu;
  });
  mkdirSync(dirname(resolve(out)), { recursive: true });
  const work = mkdtempSync(join(dirname(resolve(out)), '.image-'));
  try {
    const built: Built[] = [];
    for (const [index, cpu] of cpus.entries()) {
      const { root, files, base } = partsFor(cpu, work);
      // The tools that build this platform's share look at the root of this machine: what is common is the same anywhere.
      const application = built[0]?.application ?? (await writeFiles(work, root, files.common, compress));
      const native = await writeFiles(work, root, files.native, compress);
      const lowest = await writeLayer(work, baseEntries(base), compress);
      built.push({ platform: wanted[index]!, base: lowest, native, application });
    }
    await writeImage(out, name, built.map(imageOf));
    return built;
  } finally {
    rmSync(work, { recursive: true });
  }
}

function ownPlatform(): string {
  const own = Object.keys(processors).find((platform) => processors[platform] === process.arch);
  return process.platform === 'linux' && own !== undefined ? own : `${process.platform}/${process.arch}`;
}

/** Files, and what lies below them: of this machine, or fetched for the other processor. */
function partsFor(cpu: string, work: string) {
  const platform = { os: 'linux', cpu };
  const own = packageRoot();
  const isOwn = processors[ownPlatform()] === cpu;
  const folder = join(work, cpu);
  mkdirSync(folder);
  const root = isOwn ? own : rootFor(cpu, own, folder);
  const files = imageFiles(root, platform);
  const native = files.native
    .filter((path) => /\.node$|\.so(\.\d+)*$/.test(path))
    .map((path) => join(root, path));
  const base: Base = isOwn ? ownBase(native) : otherBase(cpu, own, native, folder);
  return { root, files, base };
}

function otherBase(cpu: string, root: string, native: readonly string[], work: string): Base {
  const nodePath = nodeFor(cpu, root, work);
  return { nodePath, libraries: debianLibraries(cpu, [nodePath, ...native], work) };
}

function writeFiles(work: string, root: string, paths: string[], compress: boolean): Promise<Layer> {
  const entries = paths.map((path) => fileEntry(`${appFolder}/${path}`, join(root, path), 0o644));
  return writeLayer(work, [...foldersOf(entries.map(({ path }) => path)), ...entries], compress);
}

function imageOf({ platform, base, native, application }: Built): PlatformImage {
  return {
    architecture: platform.slice(platform.indexOf('/') + 1),
    entrypoint: ['/usr/bin/node'],
    command: ['dist/functions/host/main.js'],
    workingFolder: `/${appFolder}`,
    user: `${userId}:${userId}`,
    environment: { PATH: '/usr/bin', NODE_ENV: 'production' },
    layers: [base, native, application],
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      name: { type: 'string' },
      platform: { type: 'string' },
      uncompressed: { type: 'boolean' },
    },
  });
  const out = values.out ?? join(packageRoot(), 'out/image.tar');
  const platforms = values.platform?.split(',').map((each) => each.trim());
  const built = await buildImage({
    out,
    name: values.name ?? loadFunctions().image,
    compress: values.uncompressed !== true,
    ...(platforms && { platforms }),
  });
  const mebibytes = ({ size }: Layer) => `${(size / 2 ** 20).toFixed(1)} MiB`;
  for (const { platform, base, native, application } of built)
    process.stdout.write(
      `${out}: ${platform}: base ${mebibytes(base)}, native packages ${mebibytes(native)}, ` +
        `application ${mebibytes(application)}\n`,
    );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
