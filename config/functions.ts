// Reads serverless.yml, the one list of functions, for the controller, the local runner, the host and the plugin.
import type { EventName } from './events.ts';
import type { StageName } from './worker.ts';

/** One function of serverless.yml, with quantities resolved to numbers where code needs them. */
export interface FunctionSpec {
  name: StageName;
  description: string;
  /** Module path and export, relative to the package root without extension: `functions/detect/handler.create`. */
  handler: string;
  placement: 'edge' | 'cloud';
  consumes: EventName[];
  produces: EventName[];
  /** When a sender hears 202: once the event is queued, or once it is handled. */
  acknowledge: 'queued' | 'handled';
  queue: { maxEvents: number; maxBytes: number };
  batching?: { maxEvents: number; maxWaitMs: number };
  resources: {
    requests: { cpu: string; memory: string };
    limits: { cpu: string; memory: string };
  };
  scaling: { min: number; max: number; concurrency: number };
}

/** serverless.yml, checked and typed. */
export interface FunctionList {
  service: string;
  image: string;
  functions: Record<StageName, FunctionSpec>;
}
