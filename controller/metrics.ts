// Figures of the controller for Prometheus; main.ts connects them.
import { Counter, Gauge, Registry } from 'prom-client';
import { metric } from '../config/metrics.ts';

export interface ControllerMetrics {
  registry: Registry;
  onRequest(method: string): void;
  setLeading(isLeading: boolean): void;
}

export function createMetrics(waitingTasks: () => number, connectedNodes: () => number): ControllerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    ...metric('mei_controller_api_requests_total'),
    registers,
  });
  const leading = new Gauge({
    ...metric('mei_controller_leading'),
    registers,
  });
  new Gauge({
    ...metric('mei_controller_tasks_waiting'),
    registers,
    collect() {
      this.set(waitingTasks());
    },
  });
  new Gauge({
    ...metric('mei_controller_connected_nodes'),
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
