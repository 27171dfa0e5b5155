// Who the workers are to the API server: nobody, except the status function, which may write this one task's status.
import { group, plural, type Task } from '../../config/schema/resource.ts';
import type { DesiredWorker } from '../desired.ts';
import { ownedMetadata, taskLabels, type Manifest } from './manifest.ts';

/** Two accounts, because a node may ask for tokens of the accounts of its own pods: an edge node gets nothing from them. */
export function accountOf(task: Task, { config }: DesiredWorker): string {
  return config.stages.includes('status') ? `${task.metadata.name}-status` : task.metadata.name;
}

/** ServiceAccounts, and the right of the status function. */
export function accessObjects(task: Task, workers: readonly DesiredWorker[]): Manifest[] {
  const { name, namespace } = task.metadata;
  const labels = taskLabels(task);
  const accounts = [...new Set(workers.map((worker) => accountOf(task, worker)))];
  const statusName = `${name}-status`;
  return [
    ...accounts.map((account): Manifest => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: ownedMetadata(task, account, labels),
      automountServiceAccountToken: false,
    })),
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
