// The tasks that the benchmark applies, and the objects that each must get; ground.ts and burst.ts use both.
import { loadFunctions } from '../../config/functions.ts';
import { defaultModels, resolveModel } from '../../config/models.ts';
import { group, kind, version } from '../../config/schema/resource.ts';
import { parseTask } from '../../config/task.ts';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import { isShared, type Manifest } from '../../controller/objects/manifest.ts';
import { outboxFolder, storeFolder } from '../../controller/objects/podTemplate.ts';
import { readSettings } from '../../controller/settings.ts';

export type Packing = 'PerNode' | 'PerStage';

/** Two cameras of one edge node, the rest in the cloud. */
export function sampleSpec(packing: Packing): object {
  const cameras = ['left', 'right'].map((id) => ({
    id,
    node: 'edge-1',
    source: { uri: `rtsp://192.0.2.1/${id}` },
  }));
  return { packing, cameras };
}

export function taskManifest(name: string, spec: object): Manifest {
  return { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace: 'default' }, spec };
}

/** What the controller makes of tasks of one spec; thought out once, so that writing them down costs a client next to nothing. */
export function objectsOf(spec: object): (name: string, uid: string) => Manifest[] {
  const functions = loadFunctions();
  const { installation } = readSettings({}, functions.image, 'bench');
  const [name, uid] = ['task-name', 'task-uid'];
  const task = parseTask(JSON.stringify(taskManifest(name, spec)), 'bench');
  const owned = { ...task, metadata: { ...task.metadata, uid } };
  const surroundings = {
    resolveModel,
    defaultModels,
    functions,
    threads: 2,
    clockStart: 0,
    storeFolder,
    outboxFolder,
  };
  const plan = desired(owned, surroundings);
  const objects = manifestsOf(owned, plan, { functions, installation, stopped: new Set() });
  const text = JSON.stringify(objects.filter((object) => !isShared(object)));
  return (realName, realUid) =>
    JSON.parse(text.replaceAll(name, realName).replaceAll(uid, realUid)) as Manifest[];
}
