// Makes the stream of a task, or finds out that it is another's. publisher.ts and receiver.ts call it for each connection.
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { PermanentError, TransientError } from '../../config/errors.ts';
import { intakeOf } from './names.ts';
import { reasonOf, type Connected } from './link.ts';
import type { StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { JetStreamConfig } from '../../config/worker.ts';

/** Repeats that come later than this after the first are recognised by receivers only. */
const duplicateWindowMs = 120_000;
/** The server's own default for a message; more would have to be raised on every server of the way. */
const messageBytes = 1 << 20;

type Wanted = Pick<
  StreamConfig,
  | 'name'
  | 'subjects'
  | 'retention'
  | 'storage'
  | 'discard'
  | 'max_bytes'
  | 'max_age'
  | 'max_msg_size'
  | 'num_replicas'
  | 'duplicate_window'
> & { sources?: { name: string; external: { api: string; deliver: string } }[] };

/**
 * At the hub a full stream refuses: what nobody has taken yet is kept, and senders wait. On a leaf node nobody says what the hub has
 * taken over, so the oldest goes.
 */
export function wantedStream(config: JetStreamConfig): Wanted {
  const isHub = config.domain === undefined;
  return {
    name: config.stream,
    subjects: [intakeOf(config)],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: isHub ? DiscardPolicy.New : DiscardPolicy.Old,
    max_bytes: config.maxBytes,
    max_age: nanos(config.maxAgeS * 1000),
    max_msg_size: messageBytes,
    num_replicas: isHub ? config.replicas : 1,
    duplicate_window: nanos(Math.min(duplicateWindowMs, config.maxAgeS * 1000)),
    ...(isHub &&
      config.leaves.length > 0 && { sources: config.leaves.map((leaf) => sourceOf(config, leaf)) }),
  };
}

/** The other way round. */
export function domainOfSource(external: { api: string } | undefined): string | undefined {
  return /^\$JS\.(.+)\.API$/.exec(external?.api ?? '')?.[1];
}

function sourceOf({ stream }: JetStreamConfig, domain: string) {
  return { name: stream, external: { api: `$JS.${domain}.API`, deliver: '' } };
}

/**
 * @param isOwner whether to change what differs and may change; else it is left to who takes the events
 * @throws PermanentError when there is another stream of that name, TransientError while the server cannot be asked
 */
export async function ensureStream(
  { admin, forbidden }: Connected,
  config: JetStreamConfig,
  isOwner: boolean,
): Promise<StreamInfo> {
  const wanted = wantedStream(config);
  try {
    const found = await admin.streams.info(config.stream).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)
        return undefined;
      throw error;
    });
    if (!found) return await admin.streams.add(wanted);
    checkSame(found.config, wanted);
    const changes = isOwner ? changesOf(found.config, wanted) : {};
    if (Object.keys(changes).length === 0) return found;
    return await admin.streams.update(config.stream, { ...found.config, ...changes });
  } catch (cause) {
    if (cause instanceof PermanentError) throw cause;
    const hint = forbidden();
    const why = `stream ${config.stream}: ${hintOf(cause)}${hint === undefined ? '' : `; not allowed: ${hint}`}`;
    if (cause instanceof JetStreamApiError && cause.status === 400) throw new PermanentError(why, { cause });
    throw new TransientError(why, { cause });
  }
}

/** No responders is what a server without JetStream answers. */
function hintOf(cause: unknown): string {
  const reason = reasonOf(cause);
  return /no responders|503/i.test(reason) ? 'the server has no JetStream for this user' : reason;
}

/** What cannot be changed on a stream, and what tells that it is another's. */
function checkSame(found: StreamConfig, wanted: Wanted): void {
  const fixed = ['retention', 'storage'] as const;
  const differing = fixed.find((field) => found[field] !== wanted[field]);
  const advice = `remove it (nats stream rm ${wanted.name}) or give the task another name`;
  if (differing !== undefined)
    throw new PermanentError(
      `stream ${wanted.name} exists with ${differing} ${found[differing]} instead of ${wanted[differing]}: ${advice}`,
    );
  if (found.subjects.join(' ') !== wanted.subjects.join(' '))
    throw new PermanentError(
      `stream ${wanted.name} exists for ${found.subjects.join(' ') || 'no subjects'} instead of ${wanted.subjects.join(' ')}: ${advice}`,
    );
}

const changeable = [
  'max_bytes',
  'max_age',
  'max_msg_size',
  'num_replicas',
  'duplicate_window',
  'discard',
] as const;

/** Sources are only added: what a leaf node that left still holds is not given up. */
function changesOf(found: StreamConfig, wanted: Wanted): Partial<StreamConfig> {
  const changed = changeable.filter((field) => found[field] !== wanted[field]);
  const known = new Set((found.sources ?? []).map(({ external }) => external?.api));
  const added = (wanted.sources ?? []).filter(({ external }) => !known.has(external.api));
  return {
    ...(Object.fromEntries(changed.map((field) => [field, wanted[field]])) as Partial<StreamConfig>),
    ...(added.length > 0 && { sources: [...(found.sources ?? []), ...added] }),
  };
}
