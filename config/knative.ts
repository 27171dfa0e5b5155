// What is the same in all objects for Knative: the controller builds with it, and the osls plugin reads it out of functions.schema.json.

export const knative = {
  service: { apiVersion: 'serving.knative.dev/v1', kind: 'Service' },
  trigger: { apiVersion: 'eventing.knative.dev/v1', kind: 'Trigger' },
  broker: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker' },
  /** Label of a Service: no address outside the cluster. */
  visibility: { 'networking.knative.dev/visibility': 'cluster-local' },
  /** Knative takes no other name for a port that speaks HTTP/1.1. */
  portName: 'http1',
  /** For one request, and for a pod to end: longer than a worker takes to drain. */
  timeoutSeconds: 60,
  /** Time for a new revision to become ready: models are fetched meanwhile. */
  progressDeadline: '600s',
  scaleAnnotations: { min: 'autoscaling.knative.dev/min-scale', max: 'autoscaling.knative.dev/max-scale' },
  progressAnnotation: 'serving.knative.dev/progress-deadline',
  /** Most requests at a time that Knative lets a Service name. */
  maxConcurrency: 1000,
  /** Tries for about four minutes; then the Broker's dead letter sink gets the event, if it has one. */
  delivery: { retry: 8, backoffPolicy: 'exponential', backoffDelay: 'PT0.5S', timeout: 'PT30S' },
  /** Brokers on Kafka then keep the order of events that have one partitionkey; others ignore it. */
  ordered: { 'kafka.eventing.knative.dev/delivery.order': 'ordered' },
  /** Variable that keeps a worker from answering with events: a Broker asks every subscriber for them. */
  withoutReplies: { name: 'MEI_REPLIES', value: 'never' },
} as const;
