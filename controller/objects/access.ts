// Who the workers are to the API server: nobody, except the status function, which may write this one task's status.
import { group, plural, type Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import { ownedMetadata, sharedLabels, taskLabels, type Manifest } from './manifest.ts';

/** Of all stages but status, of all tasks of a namespace: it may nothing, so there is nothing to keep apart. */
export const stageAccount = 'multi-edge-inference-stages';

/** Never the namespace's default: a node may ask for tokens of the accounts of its own pods, and gets nothing from this one. */
export function accountOf(task: Task, { config }: DesiredWorker): string {
  return config.stages.includes('status') ? `${task.metadata.name}-status` : stageAccount;
}

/** ServiceAccounts, and the right of the status function. */
export function accessObjects(task: Task, workers: readonly DesiredWorker[]): Manifest[] {
  const { name, namespace } = task.metadata;
  const labels = taskLabels(task);
  const statusName = `${name}-status`;
  return [
    ...(workers.some((worker) => accountOf(task, worker) === stageAccount)
      ? [account({ name: stageAccount, namespace, labels: sharedLabels })]
      : []),
    account(ownedMetadata(task, statusName, labels)),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: ownedMetadata(task, statusName, labels),
      rules: [
        {
          apiGroups: [group],
          resources: [`${plural}/status`],
          resourceNames: [name],
          verbs: ['get', 'patch'],
        },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: ownedMetadata(task, statusName, labels),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: statusName },
      subjects: [{ kind: 'ServiceAccount', name: statusName, namespace }],
    },
  ];
}

function account(metadata: Manifest['metadata']): Manifest {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false };
}
