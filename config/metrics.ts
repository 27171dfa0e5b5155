// Every metric that workers, controller and local controllers have: they make theirs out of this list, and
// docs/reference/metrics.md is it. Dashboards and alerts of config/monitoring may name no others.

export interface Metric {
  type: 'counter' | 'gauge' | 'histogram';
  /** Whose /metrics has it. */
  of: 'worker' | 'controller' | 'local controller';
  labels: readonly string[];
  help: string;
}

const worker = (type: Metric['type'], labels: string, help: string): Metric => ({
  type,
  of: 'worker',
  labels: labels === '' ? [] : labels.split(' '),
  help,
});
const controller = (type: Metric['type'], labels: string, help: string): Metric => ({
  ...worker(type, labels, help),
  of: 'controller',
});
const agent = (help: string): Metric => ({ type: 'gauge', of: 'local controller', labels: [], help });

export const metrics = {
  mei_events_received_total: worker('counter', 'type code', 'Events offered to this worker, by answer'),
  mei_events_emitted_total: worker('counter', 'type code', 'Events that stages handed on, by outcome'),
  mei_events_duplicate_total: worker('counter', 'stage', 'Events seen before, by source and id'),
  mei_send_retries_total: worker('counter', 'type cause', 'Repeated tries to deliver an event'),
  mei_events_dropped_total: worker('counter', 'type reason', 'Events given up, by reason'),
  mei_handling_seconds: worker('histogram', 'stage', 'Time a stage took for one event'),
  mei_queue_events: worker('gauge', 'stage', 'Events accepted and not yet handled'),
  mei_queue_bytes: worker('gauge', 'stage', 'Bytes of the events accepted and not yet handled'),
  mei_queue_waiting: worker('gauge', 'stage', 'Senders that wait for room'),
  mei_outbox_events: worker('gauge', '', 'Events stored and not yet delivered'),
  mei_outbox_bytes: worker('gauge', '', 'Bytes of the events stored and not yet delivered'),
  mei_outbox_oldest_seconds: worker('gauge', '', 'How long the oldest of them has waited'),
  mei_outbox_dead_letters: worker('gauge', '', 'Events refused for good'),
  mei_outbox_total: worker(
    'counter',
    'outcome',
    'What became of events of the outbox: delivered, tried again, dropped: age, room or superseded',
  ),
  mei_stream_events: worker(
    'gauge',
    '',
    'Events in the stream that this worker has not taken yet (JetStream)',
  ),
  mei_stream_up: worker('gauge', '', 'Whether events can be taken out of the stream: 1, else 0'),
  mei_stream_total: worker(
    'counter',
    'outcome',
    'What became of events of the stream: handled, tried again, dead letter',
  ),
  mei_stage_figure: worker(
    'gauge',
    'stage figure',
    'Figures a stage reports about itself, by name: identities, merged, split, tracks, crops, gaps, reconnects, ...',
  ),
  mei_camera_frames: worker(
    'gauge',
    'stage camera outcome',
    'Frames per camera, as stages report them, by outcome: handled or dropped',
  ),
  mei_camera_up: worker(
    'gauge',
    'stage camera',
    'Whether the camera is connected, or has ended as a recording does: 1, else 0',
  ),
  mei_camera_fps: worker('gauge', 'stage camera', 'Frames a second that the stage handles of the camera'),
  mei_controller_api_requests_total: controller('counter', 'method', 'Requests sent to the API server'),
  mei_controller_leading: controller('gauge', '', 'Whether this controller is the one that works'),
  mei_controller_tasks_waiting: controller(
    'gauge',
    '',
    'Tasks that wait to be looked at, or are being looked at',
  ),
  mei_controller_connected_nodes: controller('gauge', '', 'Nodes whose local controller is connected'),
  mei_lc_connected: agent('Whether the controller is connected'),
  mei_lc_connections: agent('Connections to the controller so far'),
  mei_lc_tasks: agent('Tasks that are stored'),
  mei_lc_outbox_events: agent('Events that wait for the cloud'),
  mei_lc_outbox_bytes: agent('Bytes of them'),
  mei_lc_outbox_oldest_seconds: agent('How long the oldest has waited'),
  mei_lc_outbox_dead_letters: agent('Events refused for good'),
  mei_lc_workers_waiting: agent('Workers that wait for another configuration'),
} as const;

export type MetricName = keyof typeof metrics;

/** What prom-client needs to make it. */
export function metric(name: MetricName): { name: MetricName; help: string; labelNames: string[] } {
  const { help, labels } = metrics[name];
  return { name, help, labelNames: [...labels] };
}
