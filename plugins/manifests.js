// Builds Knative objects from functions of serverless.yml; the osls plugin writes them to .serverless/knative/.

const configFolder = '/etc/multi-edge-inference';

/**
 * Knative Service, Triggers for what it consumes, and a SinkBinding when it produces something.
 * @param {string} service Name of the service in serverless.yml.
 * @param {string} image Image of the workers.
 * @param {string} name Name of the function.
 * @param {object} entry The function as serverless.yml has it.
 * @param {{eventTypes: Record<string, string>, knative: object}} schema Parts of functions.schema.json: event name ->
 *   CloudEvents type, and what all our objects for Knative have in common.
 * @returns {object[]}
 */
export function knativeManifests(service, image, name, entry, { eventTypes, knative }) {
  const objectName = `${service}-${name}`;
  const labels = { 'app.kubernetes.io/name': service, 'app.kubernetes.io/component': name };
  return [
    knativeService(objectName, labels, image, entry, knative),
    ...entry.consumes.map((event) => trigger(objectName, labels, event, eventTypes[event], knative)),
    ...(entry.produces.length > 0 ? [sinkBinding(objectName, labels, knative)] : []),
  ];
}

function knativeService(name, labels, image, entry, knative) {
  const { min, max, concurrency, shared } = entry.scaling;
  // Who shares its work is several workers with a configuration each: one of them scales to one pod.
  const most = shared === undefined ? max : 1;
  return {
    ...knative.service,
    metadata: { name, labels: { ...labels, ...knative.visibility } },
    spec: {
      template: {
        metadata: {
          labels,
          annotations: {
            [knative.scaleAnnotations.min]: String(Math.min(min, most)),
            [knative.scaleAnnotations.max]: String(most),
            [knative.progressAnnotation]: knative.progressDeadline,
          },
        },
        spec: {
          containerConcurrency: concurrency,
          timeoutSeconds: knative.timeoutSeconds,
          automountServiceAccountToken: false,
          containers: [container(image, entry, knative)],
          volumes: [{ name: 'config', configMap: { name } }],
        },
      },
    },
  };
}

function container(image, { resources }, knative) {
  const probe = (path) => ({ httpGet: { path } });
  return {
    image,
    env: [
      { name: 'MEI_WORKER_CONFIG', value: `${configFolder}/worker.json` },
      { name: 'MEI_HOST', value: '0.0.0.0' },
      knative.withoutReplies,
    ],
    ports: [{ name: knative.portName, containerPort: 8080 }],
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

function trigger(name, labels, event, type, knative) {
  return {
    ...knative.trigger,
    metadata: { name: `${name}-${event}`, labels, annotations: knative.ordered },
    spec: {
      broker: 'default',
      filter: { attributes: { type } },
      subscriber: { ref: { ...knative.service, name } },
      delivery: knative.delivery,
    },
  };
}

/** Gives the function K_SINK: the address of the Broker. */
function sinkBinding(name, labels, knative) {
  return {
    apiVersion: 'sources.knative.dev/v1',
    kind: 'SinkBinding',
    metadata: { name, labels },
    spec: {
      subject: { ...knative.service, name },
      sink: { ref: { ...knative.broker, name: 'default' } },
    },
  };
}
