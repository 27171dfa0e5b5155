// Writes layers and an OCI image layout as one tar, which containerd, Podman, Docker and skopeo import.
import { createHash } from 'node:crypto';
import { createWriteStream, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { tarOf, type TarEntry } from './tar.ts';

export interface Layer {
  file: string;
  /** sha256 of the file, and of the tar inside. */
  digest: string;
  diffId: string;
  size: number;
  mediaType: string;
}

const types = 'application/vnd.oci.image';

/** Writes one layer into `folder`. Uncompressed layers are legal, quick to write, and large. */
export async function writeLayer(folder: string, entries: TarEntry[], compress: boolean): Promise<Layer> {
  const unnamed = join(folder, `layer-${process.pid}-${Math.random().toString(36).slice(2)}`);
  const inside = createHash('sha256');
  const outside = createHash('sha256');
  const hashing = (hash: typeof inside) =>
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
  const target = createWriteStream(unnamed);
  if (compress)
    await pipeline(tarOf(entries), hashing(inside), createGzip({ level: 6 }), hashing(outside), target);
  else await pipeline(tarOf(entries), hashing(inside), target);
  const diffId = inside.digest('hex');
  const digest = compress ? outside.digest('hex') : diffId;
  const file = join(folder, digest);
  renameSync(unnamed, file);
  const mediaType = `${types}.layer.v1.tar${compress ? '+gzip' : ''}`;
  return { file, digest, diffId, size: statSync(file).size, mediaType };
}

export interface PlatformImage {
  /** As OCI names it: amd64, arm64. */
  architecture: string;
  entrypoint: string[];
  command: string[];
  workingFolder: string;
  user: string;
  environment: Record<string, string>;
  /** From the bottom up; images may share them. */
  layers: Layer[];
}

/** Writes the image, for one platform or more; `name` is full, with tag. Equal layers and settings give equal bytes. */
export async function writeImage(target: string, name: string, images: PlatformImage[]): Promise<void> {
  const parts = images.map(manifestOf);
  const manifests = parts.map(({ descriptor }) => descriptor);
  const list = blob(indexOf(manifests));
  // Readers take each entry of the outer index for an image of its own: several platforms are one entry, an index again.
  const isOne = manifests.length === 1;
  const top = isOne ? manifests[0]! : { mediaType: `${types}.index.v1+json`, ...list.descriptor };
  const annotations = {
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
    'io.containerd.image.name': name,
  };
  const blobs = [...(isOne ? [] : [list]), ...parts.flatMap(({ blobs }) => blobs)];
  const layers = new Map(images.flatMap(({ layers }) => layers).map((layer) => [layer.digest, layer]));
  const text = (path: string, content: Buffer): TarEntry => ({ path, mode: 0o644, content });
  await pipeline(
    tarOf([
      text('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
      text('index.json', Buffer.from(JSON.stringify(indexOf([{ ...top, annotations }])))),
      ...blobs.map(({ digest, bytes }) => text(`blobs/sha256/${digest}`, bytes)),
      ...[...layers.values()].map(({ file, digest, size }) => ({
        path: `blobs/sha256/${digest}`,
        mode: 0o644,
        content: { file, size },
      })),
    ]),
    createWriteStream(target),
  );
}

function indexOf(manifests: object[]): object {
  return { schemaVersion: 2, mediaType: `${types}.index.v1+json`, manifests };
}

function manifestOf(image: PlatformImage) {
  const { architecture, layers } = image;
  const config = blob({
    architecture,
    os: 'linux',
    config: {
      Entrypoint: image.entrypoint,
      Cmd: image.command,
      WorkingDir: image.workingFolder,
      User: image.user,
      Env: Object.entries(image.environment).map(([name, value]) => `${name}=${value}`),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => `sha256:${diffId}`) },
  });
  const mediaType = `${types}.manifest.v1+json`;
  const manifest = blob({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: `${types}.config.v1+json`, ...config.descriptor },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest: `sha256:${digest}`, size })),
  });
  const descriptor = { mediaType, ...manifest.descriptor, platform: { os: 'linux', architecture } };
  return { descriptor, blobs: [manifest, config] };
}

function blob(content: object) {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, digest, descriptor: { digest: `sha256:${digest}`, size: bytes.length } };
}
