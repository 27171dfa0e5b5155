// What KWOK makes of nodes and pods: cluster.ts hands it to kwok. Nodes become ready, pods run at once and go at once.

/** Pods on a node of this name stay as they are, so that a test can write their status itself. */
export const silentNode = 'silent';

const condition = (type: string) => `- type: ${type}
  status: "True"
  reason: Played
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}`;
const podCondition = (type: string) => `- type: ${type}
  status: "True"
  lastTransitionTime: {{ Now | Quote }}`;

const readyNode = `conditions:
${condition('Ready')}
addresses:
- type: InternalIP
  address: {{ NodeIP | Quote }}
- type: Hostname
  address: {{ .metadata.name | Quote }}
allocatable: &amounts
  cpu: "100000"
  memory: 400Ti
  pods: "100000"
capacity: *amounts
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  kubeletVersion: v1.35.4
  containerRuntimeVersion: kwok
`;

const runningPod = `conditions:
${['Initialized', 'ContainersReady', 'Ready'].map(podCondition).join('\n')}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ Now | Quote }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
phase: Running
startTime: {{ Now | Quote }}
`;

type Match = [key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]];
const isReady: Match = ['.status.conditions.[] | select( .type == "Ready" ) | .status', 'NotIn', 'True'];
const isGoing = '.metadata.deletionTimestamp';

/** A document with several Stages, for kwok --config. */
export function stagesYaml(): string {
  const stages = [
    stage('node-ready', 'Node', [isReady], { statusTemplate: readyNode }),
    stage(
      'pod-running',
      'Pod',
      [
        [isGoing, 'DoesNotExist'],
        ['.status.phase', 'In', 'Pending'],
        ['.spec.nodeName', 'NotIn', silentNode],
        isReady,
      ],
      { statusTemplate: runningPod },
    ),
    stage('pod-gone', 'Pod', [[isGoing, 'Exists']], { delete: true }),
  ];
  return stages.map((each) => JSON.stringify(each)).join('\n---\n');
}

function stage(name: string, kind: 'Node' | 'Pod', matches: Match[], next: object) {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: {
        matchExpressions: matches.map(([key, operator, ...values]) => ({
          key,
          operator,
          ...(values.length > 0 && { values }),
        })),
      },
      next,
    },
  };
}
