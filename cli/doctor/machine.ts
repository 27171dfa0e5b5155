// Whether this machine can run tasks: Node, packages with native code, models, memory, disk, loopback. Part of `mei doctor`.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { defaultModels, loadCatalogue } from '../../config/models.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { modelFolders } from '../../functions/media/modelFolders.ts';
import { localPath } from '../models.ts';
import { fail, ok, warn, type Check, type Finding } from './check.ts';

const leastNode = [20, 11] as const;
const gib = 2 ** 30;
const importMs = 30_000;

/** What each package with native code is for. */
const nativePackages = {
  sharp: 'pictures',
  'onnxruntime-node': 'models',
  'node-av': 'video',
  libsql: 'the store and the outbox',
};

export function machineChecks(): Check[] {
  return [
    { name: 'Node', look: async () => nodeFinding(process.versions.node) },
    { name: 'processor', look: async () => coresFinding(availableParallelism()) },
    { name: 'memory', look: async () => memoryFinding(totalmem()) },
    ...Object.entries(nativePackages).map(([name, use]) => ({
      name: `package ${name}`,
      look: () => packageFinding(name, use),
    })),
    ...[defaultModels.detect.name, defaultModels.embed.name].map((name) => ({
      name: `model ${name}`,
      look: () => modelFinding(name),
    })),
    { name: 'disk of results', look: () => diskFinding(process.cwd()) },
    { name: 'disk of models', look: () => diskFinding(modelFolders().cacheFolder) },
    { name: 'ports', look: portsFinding },
  ];
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return isEnough
    ? ok(version)
    : fail(version, `install Node ${leastNode.join('.')} or newer: https://nodejs.org`);
}

export function coresFinding(cores: number): Finding {
  if (cores > 1) return ok(`${cores} cores`);
  return warn('1 core', 'give each camera a small `fps`: detection decides the speed (docs/benchmarks.md)');
}

export function memoryFinding(bytes: number): Finding {
  const found = `${(bytes / gib).toFixed(1)} GiB`;
  return bytes >= 0.9 * gib ? ok(found) : warn(found, 'set spec.packing: PerNode: it needs the least memory');
}

/** In a process of its own: a package for another processor may end it. */
async function packageFinding(name: string, use: string): Promise<Finding> {
  // node-av needs a function that newer Nodes have.
  const script = `Promise.withResolvers ??= () => { let resolve, reject; const promise = new Promise((a, b) => { resolve = a; reject = b; }); return { promise, resolve, reject }; }; await import(${JSON.stringify(name)});`;
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: packageRoot(),
      timeout: importMs,
    });
    return ok(`loads, for ${use}`);
  } catch (error) {
    const { stderr, signal } = error as { stderr?: string; signal?: string };
    const line = stderr?.split('\n').find((each) => /Error/.test(each));
    const reason = line ?? (signal ? `ended by ${signal}` : 'does not load');
    return fail(
      reason,
      `run \`npm ci\` on this machine, not on another kind of machine: ${name} is for ${use}`,
    );
  }
}

async function modelFinding(name: string): Promise<Finding> {
  const row = loadCatalogue().find((each) => each.name === name);
  if (!row) return fail('is not in the catalogue', 'look at MEI_MODELS_FILE');
  const { path, reason } = await localPath(row);
  if (path !== undefined) return ok(`${path}, its digest is right`);
  if (/digest/.test(reason)) return fail(reason, 'delete the file, then run: mei models pull ' + name);
  return warn('is not on this machine', `run: mei models pull ${name}`);
}

/** Of the nearest folder that exists. */
async function diskFinding(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder).catch(() => statfs(packageRoot()));
  return freeFinding(folder, bavail * bsize);
}

export function freeFinding(folder: string, bytes: number): Finding {
  const found = `${folder}: ${(bytes / gib).toFixed(1)} GiB free`;
  if (bytes > 2 * gib) return ok(found);
  const mend = 'free some, or name another folder (--out, XDG_CACHE_HOME)';
  return bytes > 0.2 * gib ? warn(found, mend) : fail(found, mend);
}

/** Workers of `mei run` meet on loopback, on ports that the system chooses. */
async function portsFinding(): Promise<Finding> {
  const server = createServer();
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return ok('workers can listen on 127.0.0.1');
  } catch (error) {
    return fail((error as Error).message, 'allow this user to listen on 127.0.0.1: workers meet there');
  } finally {
    server.close();
  }
}
