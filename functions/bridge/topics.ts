// What is said on which MQTT topic, for the sink of mqtt.ts. Pure.
import type { IdentityChange } from '../../config/events.ts';
import type { CameraView, TaskView } from '../console/types.ts';

/** Retained topics with their texts; an empty text takes a retained one away. */
export type Retained = Map<string, string>;

export interface TopicOptions {
  prefix: string;
  /** Absent: Home Assistant is told nothing. */
  discoveryPrefix?: string;
}

const names: Record<string, string> = {
  assigned: 'seen',
  merged: 'merged',
  split: 'split',
  sighted: 'sighted',
  contact: 'contact',
  erased: 'erased',
};

export function rootOf({ prefix }: TopicOptions, namespace: string, task: string): string {
  return `${prefix}/${namespace}/${task}`;
}

/** The state of the task and of its cameras. */
export function stateTopics(options: TopicOptions, view: TaskView): Retained {
  const root = rootOf(options, view.namespace, view.name);
  const { phase = 'Unknown', identities = 0 } = view.status;
  const connected = view.cameras.filter(({ state }) => state === 'connected').length;
  return new Map([
    [`${root}/state`, JSON.stringify({ phase, people: identities, cameras: view.cameras.length, connected })],
    ...view.cameras.map((camera): [string, string] => [
      `${root}/cameras/${camera.id}/state`,
      cameraState(camera),
    ]),
  ]);
}

/** One event for a change, and what stays known of it: where each target was seen last. */
export function changeTopics(
  options: TopicOptions,
  namespace: string,
  task: string,
  change: IdentityChange,
): { event: [string, string]; retained: Retained } {
  const root = rootOf(options, namespace, task);
  const text = JSON.stringify(change);
  const retained: Retained = new Map();
  if (change.kind === 'sighted') {
    const { identity, camera, time, score } = change;
    retained.set(
      `${root}/targets/${change.target}/state`,
      JSON.stringify({ camera, identity, score, time: new Date(time * 1000).toISOString() }),
    );
  }
  return {
    event: [`${root}/identities/${change.identity}/${names[change.kind] ?? change.kind}`, text],
    retained,
  };
}

/** https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery */
export function discoveryTopics(options: TopicOptions, view: TaskView): Retained {
  const { discoveryPrefix } = options;
  if (discoveryPrefix === undefined) return new Map();
  const root = rootOf(options, view.namespace, view.name);
  const node = `${view.namespace}_${view.name}`;
  const common = {
    availability_topic: `${root}/availability`,
    device: {
      identifiers: [`mei_${node}`],
      name: `${view.name} (${view.namespace})`,
      manufacturer: 'Multi-edge inference',
    },
  };
  const entity = (component: string, id: string, fields: object): [string, string] => [
    `${discoveryPrefix}/${component}/mei_${node}/${id}/config`,
    JSON.stringify({ ...common, unique_id: `mei_${node}_${id}`, object_id: `mei_${node}_${id}`, ...fields }),
  ];
  return new Map([
    entity('sensor', 'people', {
      name: 'People',
      icon: 'mdi:account-group',
      state_topic: `${root}/state`,
      value_template: '{{ value_json.people }}',
      state_class: 'total',
    }),
    entity('sensor', 'phase', {
      name: 'Phase',
      state_topic: `${root}/state`,
      value_template: '{{ value_json.phase }}',
    }),
    ...view.cameras.flatMap(({ id }) => [
      entity('binary_sensor', `camera_${id}_connected`, {
        name: `${id} connected`,
        device_class: 'connectivity',
        state_topic: `${root}/cameras/${id}/state`,
        value_template: "{{ 'ON' if value_json.state == 'connected' else 'OFF' }}",
      }),
      entity('sensor', `camera_${id}_people`, {
        name: `${id} people now`,
        icon: 'mdi:account',
        state_topic: `${root}/cameras/${id}/state`,
        value_template: '{{ value_json.people }}',
        state_class: 'measurement',
      }),
    ]),
    ...view.targets.map((target) =>
      entity('sensor', `target_${target}`, {
        name: `${target} last seen`,
        icon: 'mdi:map-marker-account',
        state_topic: `${root}/targets/${target}/state`,
        value_template: '{{ value_json.camera }}',
        json_attributes_topic: `${root}/targets/${target}/state`,
      }),
    ),
  ]);
}

function cameraState({ state, people = 0, fps = 0, dropped = 0, message }: CameraView): string {
  return JSON.stringify({
    state,
    people,
    fps: Math.round(fps * 10) / 10,
    dropped,
    ...(message !== undefined && { message }),
  });
}
