// Tasks as the API server would hand them to the controller, and the surroundings in which tests translate them.
import { readFileSync } from 'node:fs';
import { loadFunctions } from '../../config/functions.ts';
import { resolveModel } from '../../config/models.ts';
import type { Task } from '../../config/schema/resource.ts';
import { parseTask } from '../../config/task.ts';
import type { Surroundings } from '../../controller/desired.ts';
import { usualReach, type Installation } from '../../controller/objects/manifest.ts';
import { outboxFolder, storeFolder } from '../../controller/objects/podTemplate.ts';

export const installation: Installation = {
  image: 'registry.example/multi-edge-inference:0.1.0',
  imagePullPolicy: 'IfNotPresent',
  imagePullSecrets: [],
  fileFolders: ['/var/lib/recordings'],
  edgeNodeSelector: {},
  knativeNamespaces: ['knative-serving', 'kourier-system'],
  reach: usualReach,
};

export const surroundings: Surroundings = {
  functions: loadFunctions(),
  resolveModel: (ref, stage) => resolveModel(ref, stage),
  // Named here, so that a new default model changes no golden file.
  defaultModels: { detect: { name: 'rtmdet-nano-person-384x512' }, embed: { name: 'reid-0286' } },
  threads: 1,
  clockStart: 1_700_000_000,
  storeFolder,
  outboxFolder,
};

const stored = { uid: '00000000-1111-2222-3333-444444444444', generation: 1 };

/** A sample; its relative files lie on the node, as they must in a cluster. */
export function sampleTask(name: string): Task {
  const text = readFileSync(`config/samples/${name}.yaml`, 'utf8');
  return withStored(parseTask(text.replaceAll('../../samples/', '/var/lib/recordings/'), `${name}.yaml`));
}

/** A task called `gate` out of the YAML of its spec. */
export function taskOf(spec: string): Task {
  const text = `{apiVersion: sedna.io/v1alpha1, kind: MultiEdgeInference, metadata: {name: gate}, spec: ${spec}}`;
  return withStored(parseTask(text, 'gate.yaml'));
}

function withStored(task: Task): Task {
  return { ...task, metadata: { ...task.metadata, ...stored } };
}
