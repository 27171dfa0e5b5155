// `mei render`: prints the Kubernetes objects that the controller would make of a task; nothing is asked of a cluster.
import { Command } from 'commander';
import { stringify } from 'yaml';
import { loadFunctions } from '../config/functions.ts';
import { defaultModels, resolveModel } from '../config/models.ts';
import type { Task } from '../config/schema/resource.ts';
import { desired } from '../controller/desired.ts';
import { manifestsOf } from '../controller/manifests.ts';
import { forbiddenFiles } from '../controller/objects/cameraFiles.ts';
import { pushWithoutToken } from '../controller/objects/credentials.ts';
import type { Installation, Manifest } from '../controller/objects/manifest.ts';
import { outboxFolder, storeFolder } from '../controller/objects/podTemplate.ts';
import { secretName } from '../controller/objects/taskToken.ts';
import { brokerNameOf } from '../controller/objects/runtime.ts';
import { readSettings } from '../controller/settings.ts';
import { readTask } from './taskFile.ts';
import { exitCodes, UserError } from './userError.ts';

interface RenderOptions {
  image?: string;
  namespace?: string;
  json: boolean;
}

/** As in the controller's process. */
const threads = 2;

export function renderCommand(): Command {
  return new Command('render')
    .description('Print the Kubernetes objects that the controller makes of a task, without asking a cluster')
    .argument('<task.yaml...>', 'tasks to translate')
    .option('--image <name>', 'image of the workers')
    .option('-n, --namespace <name>', 'namespace of tasks that name none')
    .option('--json', 'print one JSON list instead of YAML', false)
    .addHelpText(
      'after',
      `
The objects are those of a new task: owner references and the uid of the task are left out, because only a cluster has
them, and so is the Secret with the token of its workers, which the controller makes and nobody else should see. What an installation decides comes from the settings of the controller (MEI_FILE_FOLDERS, MEI_CAMERA_NETWORKS, ...,
docs/security.md).

Examples:
  $ mei render config/samples/rtsp.yaml                                  what will run where
  $ mei render config/samples/rtsp.yaml | kubectl diff -f -              how that differs from what is there
  $ mei render my-task.yaml --image registry.example/mei:1 --json        for other tools`,
    )
    .action(render);
}

async function render(paths: string[], options: RenderOptions): Promise<void> {
  const installation = installationOf(options.image);
  const objects: Manifest[] = [];
  const texts: string[] = [];
  for (const path of paths) {
    const task = await readTask(path);
    if (options.namespace !== undefined && task.metadata.namespace === 'default')
      task.metadata.namespace = options.namespace;
    const own = renderTask(task, installation, path);
    objects.push(...own);
    texts.push(`${noteOn(task)}${own.map(yamlOf).join('---\n')}`);
  }
  if (options.json) console.log(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2));
  else console.log(texts.join('---\n').trimEnd());
}

function yamlOf(object: Manifest): string {
  return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** What who looks for it in vain should know. */
function noteOn(task: Task): string {
  const { name, namespace } = task.metadata;
  return `# Objects of task ${namespace}/${name}, as the controller makes them.
# Not printed: Secret ${secretName(task)}, with the token by which its workers know each other. The controller makes it
# before the pods that mount it, under a name that ends with the task's uid: a secret has no place in a file.
`;
}

/** @throws UserError with what the task's `Ready` condition would say */
export function renderTask(task: Task, installation: Installation, path: string): Manifest[] {
  const functions = loadFunctions();
  const forbidden = [...forbiddenFiles(task, installation.fileFolders), ...pushWithoutToken(task)];
  if (forbidden.length > 0)
    throw new UserError(forbidden.map((each) => `${path}: ${each}`).join('\nmei: '), exitCodes.badInput);
  try {
    const models = { resolveModel, defaultModels, threads };
    const plan = desired(task, { ...models, functions, clockStart: 0, storeFolder, outboxFolder });
    const brokerUrl = usualBrokerUrl(task);
    return manifestsOf(task, { ...plan, brokerUrl }, { functions, installation, stopped: new Set() }).map(
      withoutUid,
    );
  } catch (cause) {
    throw new UserError(`${path}: ${(cause as Error).message}`, exitCodes.badInput, { cause });
  }
}

/** Where Knative's usual Broker takes events; the controller asks the Broker itself. */
function usualBrokerUrl(task: Task): string {
  return `http://broker-ingress.knative-eventing.svc.cluster.local/${task.metadata.namespace}/${brokerNameOf(task)}`;
}

function installationOf(image: string | undefined): Installation {
  const usual = loadFunctions().image;
  const own = Object.entries(process.env).filter(([name]) => name.startsWith('MEI_'));
  try {
    return readSettings({ ...Object.fromEntries(own), ...(image && { MEI_IMAGE: image }) }, usual, 'mei')
      .installation;
  } catch (cause) {
    throw new UserError((cause as Error).message, exitCodes.badInput, { cause });
  }
}

/** Only a cluster knows the uid of a task. */
function withoutUid(manifest: Manifest): Manifest {
  const { ownerReferences: _owner, ...metadata } = manifest.metadata;
  return withoutEmptyUid({ ...manifest, metadata }) as Manifest;
}

function withoutEmptyUid(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyUid);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !(key.endsWith('/uid') && inner === ''));
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutEmptyUid(inner)]));
}
