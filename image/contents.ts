// Which files of the project the image holds: what runs on one platform, and nothing that only builds or tests need.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Platform {
  os: string;
  /** As Node names it: x64, arm64. */
  cpu: string;
}

/** Paths below the root, sorted. */
export interface ImageFiles {
  /** The same on all platforms. */
  common: string[];
  /** For this platform alone. */
  native: string[];
}

interface LockedPackage {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  os?: string[];
  cpu?: string[];
}

/** Our own files, as paths below the root; folders with what is in them. */
const own = ['package.json', 'serverless.yml', 'LICENSE', 'NOTICE', 'config/models.yaml', 'models', 'dist'];
/** Parts of dist/ that write files of the repository, and are never run in a container. */
const buildOnly = /^dist\/(plugins\/|config\/(generate|install|manifests)\b|\.tsbuildinfo$)/;
/** The one package that brings the programs of all platforms. */
const manyPlatforms = /^node_modules\/onnxruntime-node\/bin\/[^/]+\//;
/** What only compilers, debuggers and readers look at; licences stay. */
const notForRunning = /(\.[cm]?ts|\.map|\.tsbuildinfo|\.flow|\.bare)$|(^|\/)(?!licen[cs]e)[^/]*\.md$/i;

/** Throws when the project is not built or a package is not installed. */
export function imageFiles(root: string, platform: Platform): ImageFiles {
  if (!existsSync(join(root, 'dist/functions/host/main.js')))
    throw new Error(`${root}/dist is missing: run npm run build first`);
  const ours = own.filter((path) => existsSync(join(root, path))).flatMap((path) => walk(root, path));
  const common = ours.filter((path) => !buildOnly.test(path) && hasSource(root, path));
  const native: string[] = [];
  for (const { folder, isNative } of runtimePackages(root, platform))
    for (const path of packageFiles(root, folder, platform))
      (isNative || manyPlatforms.test(path) ? native : common).push(path);
  const forRunning = (paths: string[]) => paths.filter((path) => !notForRunning.test(path)).sort();
  return { common: forRunning(common), native: forRunning(native) };
}

/** What was built from a source that is gone since is not part of the project any more. */
function hasSource(root: string, path: string): boolean {
  const source = /^dist\/(.*)\.js$/.exec(path)?.[1];
  return source === undefined || existsSync(join(root, `${source}.ts`));
}

/**
 * Folders of the packages that run on the platform: what package.json depends on, and so on down package-lock.json.
 * Of optional packages only those for this platform alone: they hold native code; others add features that we do not use.
 */
export function runtimePackages(root: string, platform: Platform): { folder: string; isNative: boolean }[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const found = new Set<string>();
  const follow = (from: string) => {
    const entry = lock.packages[from]!;
    const peers = Object.keys(entry.peerDependencies ?? {}).filter(
      (name) => entry.peerDependenciesMeta?.[name]?.optional !== true,
    );
    const needed = [...Object.keys(entry.dependencies ?? {}), ...peers];
    const native = Object.keys(entry.optionalDependencies ?? {}).filter((name) =>
      isNativeFor(lock.packages[resolved(from, name)!], name, platform),
    );
    for (const name of new Set([
      ...needed.filter((each) => !entry.optionalDependencies?.[each]),
      ...native,
    ])) {
      const folder = resolved(from, name);
      if (folder === undefined || !existsSync(join(root, folder)))
        throw new Error(
          `${name} is missing: run npm ci --os=${platform.os} --cpu=${platform.cpu} --libc=glibc first`,
        );
      if (found.has(folder)) continue;
      found.add(folder);
      follow(folder);
    }
  };
  /** As Node looks for it: beside the package, then further up. */
  const resolved = (from: string, name: string) => {
    for (
      let folder = from;
      ;
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
    ) {
      const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
      if (lock.packages[candidate] !== undefined) return candidate;
      if (folder === '') return undefined;
    }
  };
  follow('');
  return [...found].map((folder) => {
    const { os, cpu } = lock.packages[folder]!;
    return { folder, isNative: os !== undefined || cpu !== undefined };
  });
}

/** The image has glibc; not all packages say which library they need, but those for musl have it in their name. */
function isNativeFor(entry: LockedPackage | undefined, name: string, { os, cpu }: Platform): boolean {
  if (entry === undefined || (entry.os === undefined && entry.cpu === undefined) || /musl/.test(name))
    return false;
  return entry.os?.includes(os) !== false && entry.cpu?.includes(cpu) !== false;
}

/** Without packages inside it, which come by themselves, and without programs for other platforms. */
function packageFiles(root: string, folder: string, { os, cpu }: Platform): string[] {
  const inner = `${folder}/node_modules/`;
  return walk(root, folder).filter((path) => {
    if (path.startsWith(inner)) return false;
    if (/^node_modules\/@types\//.test(path)) return false;
    return !manyPlatforms.test(path) || path.includes(`/${os}/${cpu}/`);
  });
}

function walk(root: string, path: string): string[] {
  const info = statSync(join(root, path));
  if (!info.isDirectory()) return [path];
  return readdirSync(join(root, path)).flatMap((name) => walk(root, `${path}/${name}`));
}
