// Builds Knative objects from functions of serverless.yml; the osls plugin writes them to .serverless/knative/.

const configFolder = '/etc/multi-edge-inference';

/**
 * Knative Service, Triggers for what it consumes, and a SinkBinding when it produces something.
 * @param {string} service Name of the service in serverless.yml.
 * @param {string} image Image of the workers.
 * @param {string} name Name of the function.
 * @param {object} entry The function as serverless.yml has it.
 * @param {Record<string, string>} eventTypes Event name -> CloudEvents type.
 * @returns {object[]}
 */
export function knativeManifests(service, image, name, entry, eventTypes) {
  const objectName = `${service}-${name}`;
  const labels = { 'app.kubernetes.io/name': service, 'app.kubernetes.io/component': name };
  return [
    knativeService(objectName, labels, image, entry),
    ...entry.consumes.map((event) => trigger(objectName, labels, event, eventTypes[event])),
    ...(entry.produces.length > 0 ? [sinkBinding(objectName, labels)] : []),
  ];
}

function knativeService(name, labels, image, entry) {
  const { min, max, concurrency } = entry.scaling;
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name, labels: { ...labels, 'networking.knative.dev/visibility': 'cluster-local' } },
    spec: {
      template: {
        metadata: {
          labels,
          annotations: {
            'autoscaling.knative.dev/min-scale': String(min),
            'autoscaling.knative.dev/max-scale': String(max),
          },
        },
        spec: {
          containerConcurrency: concurrency,
          automountServiceAccountToken: false,
          containers: [container(name, image, entry)],
          volumes: [{ name: 'config', configMap: { name } }],
        },
      },
    },
  };
}

function container(name, image, { resources }) {
  const probe = (path) => ({ httpGet: { path } });
  return {
    image,
    env: [
      { name: 'MEI_WORKER_CONFIG', value: `${configFolder}/worker.json` },
      { name: 'MEI_HOST', value: '0.0.0.0' },
    ],
    ports: [{ name: 'http1', containerPort: 8080 }],
    readinessProbe: probe('/readyz'),
    livenessProbe: probe('/healthz'),
    resources,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [{ name: 'config', mountPath: configFolder, readOnly: true }],
  };
}

function trigger(name, labels, event, type) {
  return {
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Trigger',
    metadata: { name: `${name}-${event}`, labels },
    spec: {
      broker: 'default',
      filter: { attributes: { type } },
      subscriber: { ref: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name } },
      delivery: { retry: 5, backoffPolicy: 'exponential', backoffDelay: 'PT0.5S', timeout: 'PT30S' },
    },
  };
}

/** Gives the function K_SINK: the address of the Broker. */
function sinkBinding(name, labels) {
  return {
    apiVersion: 'sources.knative.dev/v1',
    kind: 'SinkBinding',
    metadata: { name, labels },
    spec: {
      subject: { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name },
      sink: { ref: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: 'default' } },
    },
  };
}
