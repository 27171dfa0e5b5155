// What the controller may and may not do, as tables: the tests of the install ask a real API server about each line.

export const controllerUser = 'system:serviceaccount:multi-edge-inference:controller';

/** Verb, resource (with group and subresource), namespace (undefined: all), name. */
export type Question = [verb: string, resource: string, namespace: string | undefined, name?: string];

const owned = [
  'deployments.apps',
  'configmaps',
  'services',
  'serviceaccounts',
  'networkpolicies.networking.k8s.io',
  'poddisruptionbudgets.policy',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
];
const tasks = 'multiedgeinferences.sedna.io';
const leases = 'leases.coordination.k8s.io';

export const allowed: Question[] = [
  ...['list', 'watch'].map((verb): Question => [verb, tasks, undefined]),
  // Its own finalizer.
  ['patch', tasks, 'shop'],
  ...['get', 'patch'].map((verb): Question => [verb, `${tasks}/status`, 'shop']),
  ['update', `${tasks}/finalizers`, 'shop'],
  ...owned.flatMap((resource) =>
    ['list', 'watch', 'create', 'patch', 'delete'].map((verb): Question => [verb, resource, 'shop']),
  ),
  ...['list', 'watch'].map((verb): Question => [verb, 'pods', undefined]),
  ...['list', 'create'].map((verb): Question => [verb, 'events', 'shop']),
  ...['get', 'create', 'update'].map((verb): Question => [verb, leases, 'multi-edge-inference']),
  // Tokens of tasks: it may make them, and read nothing but the keys that they derive from.
  ['create', 'secrets', 'shop'],
  ['get', 'secrets', 'multi-edge-inference', 'multi-edge-inference-task-keys'],
];

export const refused: Question[] = [
  // Tasks belong to people.
  ...['create', 'update', 'delete', 'deletecollection'].map((verb): Question => [verb, tasks, 'shop']),
  ...['update', 'delete'].map((verb): Question => [verb, `${tasks}/status`, 'shop']),
  // Passwords of cameras go from the Secret to the worker without it.
  ...['get', 'list', 'watch', 'update', 'patch', 'delete'].map((verb): Question => [verb, 'secrets', 'shop']),
  ['get', 'secrets', 'multi-edge-inference'],
  ...['create', 'delete', 'patch'].map((verb): Question => [verb, 'pods', 'shop']),
  ...['pods/exec', 'pods/attach', 'pods/portforward', 'serviceaccounts/token'].map((resource): Question => [
    'create',
    resource,
    'shop',
  ]),
  ['get', 'pods/log', 'shop'],
  ...owned.flatMap((resource) =>
    ['get', 'update', 'deletecollection'].map((verb): Question => [verb, resource, 'shop']),
  ),
  ...['get', 'watch', 'delete', 'patch'].map((verb): Question => [verb, 'events', 'shop']),
  ...['bind', 'escalate'].map((verb): Question => [verb, 'roles.rbac.authorization.k8s.io', 'shop']),
  ...['create', 'patch', 'bind', 'escalate'].map((verb): Question => [
    verb,
    'clusterroles.rbac.authorization.k8s.io',
    undefined,
  ]),
  ['create', 'clusterrolebindings.rbac.authorization.k8s.io', undefined],
  ['impersonate', 'users', undefined],
  ['create', 'namespaces', undefined],
  ['patch', 'nodes', undefined],
  ['patch', 'customresourcedefinitions.apiextensions.k8s.io', undefined],
  ...['get', 'create', 'update'].map((verb): Question => [verb, leases, 'shop']),
  ...['list', 'delete'].map((verb): Question => [verb, leases, 'multi-edge-inference']),
  ['create', 'services.serving.knative.dev', 'shop'],
  ['create', 'triggers.eventing.knative.dev', 'shop'],
];

const services = 'services.serving.knative.dev';
const triggers = 'triggers.eventing.knative.dev';
const brokers = 'brokers.eventing.knative.dev';

/** Only with the overlay for Knative. */
export const allowedOnKnative: Question[] = [
  ...[services, triggers].flatMap((resource) =>
    ['list', 'watch', 'create', 'patch', 'delete'].map((verb): Question => [verb, resource, 'shop']),
  ),
  ...['list', 'watch'].map((verb): Question => [verb, brokers, undefined]),
  ['get', 'configmaps', 'knative-serving', 'config-features'],
];

export const refusedOnKnative: Question[] = [
  ...[services, triggers].flatMap((resource) =>
    ['get', 'update', 'deletecollection'].map((verb): Question => [verb, resource, 'shop']),
  ),
  // Brokers belong to people.
  ...['create', 'patch', 'delete'].map((verb): Question => [verb, brokers, 'shop']),
  ['get', 'configmaps', 'knative-serving', 'config-network'],
  ['update', 'configmaps', 'knative-serving', 'config-features'],
  ['get', 'configmaps', 'shop', 'config-features'],
  ['create', 'sinkbindings.sources.knative.dev', 'shop'],
];
