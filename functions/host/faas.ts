// Runs one stage under faas-js-runtime and hosts of its kind, which bring the server and the queue: export what `toFaas` returns.
import { CloudEvent } from 'cloudevents';
import { PermanentError, TransientError } from '../function.ts';
import { checkAttributes } from '../../delivery/attributes.ts';
import { fromEnvelope, toEnvelope } from './codec.ts';
import { refusalOf } from './answers.ts';
import type { StageEvent } from '../../config/events.ts';
import type { Context, Log, StageFunction } from '../function.ts';
import type { Attributes } from '../../delivery/attributes.ts';
import type { Envelope } from '../../delivery/binding.ts';

export interface FaasOptions {
  stage: StageFunction;
  /** Delivers what the stage emits on its own, and all outputs but an only one, which is the reply. */
  emit: (event: StageEvent) => Promise<void>;
  log: Log;
  now?: () => number;
}

/** What faas-js-runtime loads: see its `Function` type. Health checks answer through its reply object. */
export interface FaasFunction {
  handle(
    context: unknown,
    event?: CloudEvent<unknown>,
  ): Promise<CloudEvent<unknown> | { statusCode: number; body: string }>;
  init(): Promise<void>;
  shutdown(): Promise<void>;
  liveness(request: unknown, reply: FaasReply): void;
  readiness(request: unknown, reply: FaasReply): void;
}

interface FaasReply {
  code(status: number): FaasReply;
  send(body: string): unknown;
}

/**
 * Order per key, limits and dedupe are then the host's matter: use it with one request at a time (containerConcurrency 1)
 * for stages that keep state.
 */
export function toFaas({ stage, emit, log, now = Date.now }: FaasOptions): FaasFunction {
  const ending = new AbortController();
  const context: Context = { emit, log, now, signal: ending.signal };
  const check = (test: (() => void) | undefined) => (_request: unknown, reply: FaasReply) => {
    try {
      test?.();
      reply.code(200).send('ok\n');
    } catch (error) {
      reply.code(503).send(`${(error as Error).message.split('\n')[0]}\n`);
    }
  };
  return {
    async handle(_context, event) {
      try {
        if (!event) throw new PermanentError('not a CloudEvent');
        const result = (await stage.handle(fromEnvelope(envelopeOf(event)), context)) ?? [];
        const outputs = Array.isArray(result) ? result : [result];
        if (outputs.length === 1) return cloudEventOf(outputs[0]!);
        for (const output of outputs) await emit(output);
        return { statusCode: 202, body: '' };
      } catch (error) {
        if (!(error instanceof PermanentError || error instanceof TransientError))
          log.error({ error }, 'event failed');
        const { status, detail } = refusalOf(error);
        return { statusCode: status, body: detail };
      }
    },
    init: async () => stage.init?.(context),
    async shutdown() {
      ending.abort();
      await stage.shutdown?.(context);
    },
    liveness: check(stage.liveness?.bind(stage)),
    readiness: check(stage.readiness?.bind(stage)),
  };
}

/** The runtime gives bytes as a Buffer and JSON as a value, or as a text that it did not parse. */
function envelopeOf(event: CloudEvent<unknown>): Envelope {
  const { data, ...rest } = event as unknown as Record<string, unknown>;
  const isAttribute = ([name, value]: [string, unknown]) => value !== undefined && name !== 'data_base64';
  const attributes = Object.fromEntries(Object.entries(rest).filter(isAttribute)) as Attributes;
  checkAttributes(attributes);
  if (data === undefined || data === null) return { attributes, data: { kind: 'none' } };
  if (data instanceof Uint8Array) return { attributes, data: { kind: 'bytes', parts: [data] } };
  return { attributes, data: { kind: 'value', value: data } };
}

function cloudEventOf(event: StageEvent): CloudEvent<unknown> {
  const { attributes, data } = toEnvelope(event);
  checkAttributes(attributes);
  const { id, source, type, ...rest } = attributes as Attributes & {
    id: string;
    source: string;
    type: string;
  };
  if (data.kind === 'none') return new CloudEvent({ id, source, type, ...rest });
  return new CloudEvent({
    id,
    source,
    type,
    ...rest,
    data: data.kind === 'bytes' ? Buffer.concat(data.parts) : data.value,
  });
}
