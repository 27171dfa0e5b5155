// Figures of the controller for Prometheus; main.ts connects them.
import { Counter, Gauge, Registry } from 'prom-client';

export interface ControllerMetrics {
  registry: Registry;
  onRequest(method: string): void;
  setLeading(isLeading: boolean): void;
}

export function createMetrics(waitingTasks: () => number, connectedNodes: () => number): ControllerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'mei_controller_api_requests_total',
    help: 'Requests sent to the API server.',
    labelNames: ['method'],
    registers,
  });
  const leading = new Gauge({
    name: 'mei_controller_leading',
    help: 'Whether this controller is the one that works.',
    registers,
  });
  new Gauge({
    name: 'mei_controller_tasks_waiting',
    help: 'Tasks that wait to be looked at, or are being looked at.',
    registers,
    collect() {
      this.set(waitingTasks());
    },
  });
  new Gauge({
    name: 'mei_controller_connected_nodes',
    help: 'Nodes whose local controller is connected.',
    registers,
    collect() {
      this.set(connectedNodes());
    },
  });
  return {
    registry,
    onRequest: (method) => requests.inc({ method }),
    setLeading: (isLeading) => leading.set(isLeading ? 1 : 0),
  };
}
