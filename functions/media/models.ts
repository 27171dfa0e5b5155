// Makes sure a model's file is on this machine and is the right one; detect, embed and `mei models` call it before loading.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { loadCatalogue } from '../../config/models.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import type { ModelConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import { download, type DownloadOptions } from './download.ts';
import { modelFolders, type ModelFolders } from './modelFolders.ts';
import { redact } from './redact.ts';

export interface EnsureModelOptions extends Partial<ModelFolders>, DownloadOptions {}

/**
 * Path of the model's file: part of this package, in MODELS_DIR, in the cache, or downloaded into the cache. Its digest
 * has been checked. Throws PermanentError (wrong digest, refused, nowhere to be found) or TransientError (network).
 */
export async function ensureModel(model: ModelConfig, options: EnsureModelOptions = {}): Promise<string> {
  const folders = { ...modelFolders(), ...options };
  const wrong: string[] = [];
  for (const path of candidates(model, folders)) {
    const digest = await fileDigest(path, options.signal);
    if (digest === model.sha256) return path;
    if (digest !== undefined)
      wrong.push(`${path} has the digest ${digest}, not ${model.sha256}: it is not used`);
  }
  if (isRemote(model.uri)) return fetchModel(model, folders, options);
  throw new PermanentError(
    `model ${model.name}: ${wrong.length > 0 ? wrong.join('; ') : missing(model, folders)}`,
  );
}

/** Where the file may be, best first. */
function candidates(model: ModelConfig, { cacheFolder, modelsDir }: ModelFolders): string[] {
  const { uri } = model;
  if (uri.startsWith('file://')) return [fileURLToPath(uri)];
  if (isAbsolute(uri)) return [uri];
  const name = isRemote(uri) ? cacheName(model) : basename(uri);
  return [
    ...(isRemote(uri) ? [] : [join(packageRoot(), uri)]),
    ...(modelsDir === undefined
      ? []
      : ['', 'detect', 'embed', 'default'].map((folder) => join(modelsDir, folder, name))),
    join(cacheFolder, name),
  ];
}

/** Name of a download in the cache. It names the content: a changed row never meets the file of the old one. */
export function cacheName(model: Pick<ModelConfig, 'name' | 'sha256'>): string {
  return `${model.name}-${model.sha256.slice(0, 12)}.onnx`;
}

function isRemote(uri: string): boolean {
  return /^https?:\/\//.test(uri);
}

async function fetchModel(
  model: ModelConfig,
  folders: ModelFolders,
  options: DownloadOptions,
): Promise<string> {
  const path = join(folders.cacheFolder, cacheName(model));
  const part = `${path}.part`;
  const what = `model ${model.name}`;
  const hadPart = existsSync(part);
  let arrived = await download(what, model.uri, part, options);
  let digest = await fileDigest(arrived, options.signal);
  if (digest !== model.sha256 && hadPart) {
    // The beginning may be from another version of the file: only a whole fetch tells.
    await rm(arrived);
    arrived = await download(what, model.uri, part, options);
    digest = await fileDigest(arrived, options.signal);
  }
  await rename(arrived, digest === model.sha256 ? path : `${path}.wrong-digest`);
  if (digest === model.sha256) return path;
  throw new PermanentError(
    `${what}: ${redact(model.uri)} gave a file with the digest ${digest}, not ${model.sha256}: ` +
      `it is not used, and kept as ${path}.wrong-digest`,
  );
}

function missing(model: ModelConfig, { cacheFolder, modelsDir }: ModelFolders): string {
  const { name, sha256, uri } = model;
  if (isAbsolute(uri) || uri.startsWith('file://')) return `there is no file ${uri}`;
  const row = loadCatalogue().find((candidate) => candidate.name === name && candidate.sha256 === sha256);
  const origin = row === undefined ? '' : ` (from: ${row.origin}; licence: ${row.licence})`;
  const folders =
    modelsDir === undefined ? `${cacheFolder}, or set MODELS_DIR` : `${modelsDir} or ${cacheFolder}`;
  return `${basename(uri)} has no public download address${origin}: put the file into ${folders}`;
}

/** sha256 of a file in hexadecimal digits; undefined when there is none. */
export async function fileDigest(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new PermanentError(`${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new PermanentError(`${path} is not a file`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
  return hash.digest('hex');
}
