// Puts the objects of a kustomization together without kustomize, for `npm run manifests`; a test holds it against the real one.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, parse } from 'yaml';
import { ConfigError } from '../validation/configError.ts';
import { applyPatch, type Operation } from './jsonPatch.ts';

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

interface Kustomization {
  apiVersion: string;
  kind: string;
  resources?: string[];
  patches?: { target: { kind: string; name: string }; patch: string }[];
}

const understood = ['apiVersion', 'kind', 'resources', 'patches'];

/** The objects of the kustomization in `folder`, what others need first. Throws ConfigError for what it does not understand. */
export function assemble(folder: string): KubernetesObject[] {
  const objects = collect(folder);
  const keys = objects.map(keyOf);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new ConfigError([`${folder}: ${twice} comes twice: remove one`]);
  return objects
    .map((object, index) => ({ object, index }))
    .sort((one, other) => rank(one.object) - rank(other.object) || one.index - other.index)
    .map(({ object }) => object);
}

/** Kind, namespace and name: what makes an object of a cluster unique. */
export function keyOf({ kind, metadata }: KubernetesObject): string {
  return [kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join('/');
}

function collect(folder: string): KubernetesObject[] {
  const file = join(folder, 'kustomization.yaml');
  const kustomization = parse(readFileSync(file, 'utf8')) as Kustomization;
  const unknown = Object.keys(kustomization).find((key) => !understood.includes(key));
  if (unknown !== undefined)
    throw new ConfigError([`${file}: ${unknown} is not understood here: use ${understood.join(', ')}`]);
  const objects = (kustomization.resources ?? []).flatMap((resource) => {
    const path = join(folder, resource);
    return statSync(path).isDirectory() ? collect(path) : readObjects(path);
  });
  for (const { target, patch } of kustomization.patches ?? []) {
    const patched = objects.filter(
      ({ kind, metadata }) => kind === target.kind && metadata.name === target.name,
    );
    if (patched.length === 0) throw new ConfigError([`${file}: no ${target.kind} ${target.name} to patch`]);
    for (const object of patched) applyPatch(object, parse(patch) as Operation[], file);
  }
  return objects;
}

function readObjects(path: string): KubernetesObject[] {
  const documents = parseAllDocuments(readFileSync(path, 'utf8'));
  return documents.map((document) => {
    if (document.errors[0] !== undefined) throw new ConfigError([`${path}: ${document.errors[0].message}`]);
    return document.toJS() as KubernetesObject;
  });
}

/** Namespaces and definitions come before what is in them, and rights before those who use them. */
function rank({ kind }: KubernetesObject): number {
  const order = ['Namespace', 'CustomResourceDefinition', 'ServiceAccount', 'ClusterRole', 'Role'];
  const position = order.indexOf(kind);
  return position < 0 ? order.length : position;
}
