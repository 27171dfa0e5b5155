// What objects of a cluster mean for who wants to run tasks there. Pure; cluster.ts asks for the objects.
import { parse } from 'yaml';
import { crdYaml } from '../../config/generate/crd.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { covers } from '../../controller/plan.ts';
import { fail, ok, skip, warn, type Finding } from './check.ts';

const install = 'npm run --silent manifests | kubectl apply --server-side -f -';
const agentLabel = 'multiedgeinference.sedna.io/local-controller';
const edgeRole = 'node-role.kubernetes.io/edge';
/** A lease that was not renewed for so many of its durations belongs to nobody. */
const leaseTimes = 2;
const mostNamed = 5;

interface Conditioned {
  status?: { phase?: string; conditions?: { type: string; status: string; message?: string }[] };
}

interface Definition {
  spec: { versions: { name: string; served: boolean; schema: { openAPIV3Schema: object } }[] };
}

export function definitionFinding(found: Manifest | undefined): Finding {
  if (!found) return fail('the cluster does not know tasks', `install the project: ${install}`);
  const [own] = (parse(crdYaml()) as Definition).spec.versions;
  const versions = (found as unknown as Definition).spec.versions;
  const same = versions.find(({ name, served }) => served && name === own!.name);
  if (!same)
    return fail(
      `it serves ${versions.map(({ name }) => name).join(', ')}, not ${own!.name}`,
      `install it anew: ${install}`,
    );
  if (!conditionIs(found as Conditioned, 'Established'))
    return fail('the API server has not accepted it', 'kubectl describe crd multiedgeinferences.sedna.io');
  if (!covers(same.schema.openAPIV3Schema, own!.schema.openAPIV3Schema))
    return warn(
      `${own!.name} of another version of this project: fields may be unknown there or here`,
      `use one version on both sides, or install it anew: ${install}`,
    );
  return ok(`${own!.name}, as this version writes it`);
}

export function controllerFinding(found: Manifest | undefined, namespace: string): Finding {
  if (!found)
    return fail(
      `there is no Deployment ${namespace}/controller`,
      `install the project (${install}), or name its namespace with --namespace`,
    );
  const { spec, status } = found as unknown as {
    spec: { replicas?: number };
    status?: { availableReplicas?: number };
  };
  const [wanted, there] = [spec.replicas ?? 1, status?.availableReplicas ?? 0];
  if (there > 0 && there >= wanted) return ok(`${there} of ${wanted} run`);
  const mend = `kubectl -n ${namespace} describe pods -l app.kubernetes.io/component=controller says why`;
  return there > 0 ? warn(`${there} of ${wanted} run`, mend) : fail(`none of ${wanted} runs`, mend);
}

export function leaseFinding(found: Manifest | undefined, nowMs: number): Finding {
  const mend = 'kubectl -n multi-edge-inference logs deploy/controller says what it waits for';
  if (!found) return fail('no controller has ever worked', mend);
  const {
    holderIdentity,
    renewTime,
    leaseDurationSeconds = 15,
  } = found['spec'] as {
    holderIdentity?: string;
    renewTime?: string;
    leaseDurationSeconds?: number;
  };
  const ageS = (nowMs - Date.parse(renewTime ?? '')) / 1000;
  if (!holderIdentity || !(ageS < leaseTimes * leaseDurationSeconds))
    return fail(
      renewTime === undefined
        ? 'no controller works'
        : `no controller works: it was last renewed ${Math.round(ageS)} s ago`,
      mend,
    );
  return ok(`${holderIdentity} works`);
}

export function nodesFinding(nodes: readonly Manifest[]): Finding {
  const labelled = nodes.filter(
    ({ metadata: { labels = {} } }) => agentLabel in labels || edgeRole in labels,
  );
  const away = labelled.filter((node) => !conditionIs(node as Conditioned, 'Ready'));
  if (labelled.length === 0)
    return warn(
      `${nodes.length} nodes, none labelled as an edge node`,
      `cameras may run on any of them; for local controllers: kubectl label node NODE ${agentLabel}=yes`,
    );
  const names = named(away.map(({ metadata }) => metadata.name));
  if (away.length > 0)
    return warn(
      `${labelled.length} edge nodes, not ready: ${names}`,
      `they work on without the cloud; kubectl describe node ${away[0]!.metadata.name} says since when they are away`,
    );
  return ok(`${nodes.length} nodes, ${labelled.length} labelled as edge nodes, all of these ready`);
}

export function agentsFinding(found: Manifest | undefined): Finding {
  if (!found) return skip('not installed: edits arrive by ConfigMap within two minutes (docs/edge.md)');
  const { desiredNumberScheduled = 0, numberReady = 0 } = (found['status'] ?? {}) as {
    desiredNumberScheduled?: number;
    numberReady?: number;
  };
  if (desiredNumberScheduled === 0)
    return warn('installed, on no node', `kubectl label node NODE ${agentLabel}=yes`);
  const text = `${numberReady} of ${desiredNumberScheduled} are ready`;
  if (numberReady === desiredNumberScheduled) return ok(text);
  return fail(
    text,
    'kubectl -n multi-edge-inference-edge logs daemonset/local-controller says why (docs/edge.md)',
  );
}

/** @param tasks undefined: the cluster does not know tasks */
export function tasksFinding(tasks: readonly Manifest[] | undefined): Finding {
  if (!tasks) return skip('the cluster does not know tasks');
  if (tasks.length === 0) return ok('none yet');
  const away = tasks.filter((task) => conditionOf(task as Conditioned, 'EdgesSynced')?.status === 'False');
  // What could not be started at all is no degraded service: only its phase says so.
  const bad = tasks.filter((task) => isTroubled(task as Conditioned));
  if (bad.length > 0)
    return fail(
      `${bad.length} of ${tasks.length} in trouble: ${named(bad.map(inTrouble))}`,
      describe(bad[0]!),
    );
  if (away.length > 0)
    return warn(
      `local controllers lack an edit: ${named(away.map((task) => explained(task, 'EdgesSynced')))}`,
      describe(away[0]!),
    );
  return ok(`${tasks.length}, none in trouble`);
}

function isTroubled(task: Conditioned): boolean {
  return conditionIs(task, 'Degraded') || task.status?.phase === 'Failed';
}

function inTrouble(task: Manifest): string {
  return explained(task, conditionIs(task as Conditioned, 'Degraded') ? 'Degraded' : 'Ready');
}

/** The task, and what its condition says. */
function explained(task: Manifest, type: string): string {
  const { namespace, name } = task.metadata;
  return `${namespace}/${name} (${conditionOf(task as Conditioned, type)?.message ?? 'no reason given'})`;
}

function describe({ metadata: { namespace, name } }: Manifest): string {
  return `kubectl -n ${namespace} describe mei ${name}`;
}

function conditionOf({ status }: Conditioned, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}

function conditionIs(object: Conditioned, type: string): boolean {
  return conditionOf(object, type)?.status === 'True';
}

function named(names: readonly string[]): string {
  const more = names.length - mostNamed;
  return names.slice(0, mostNamed).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
