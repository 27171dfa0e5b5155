// Names in JetStream: streams, subjects, consumers. Pure; the sender, the receiver and the controller build them here.
import { createHash } from 'node:crypto';
import { eventTypes } from '../../config/events.ts';
import type { JetStreamConfig } from '../../config/worker.ts';

/** Where an address of this scheme leads a worker's JetStream connection knows: `nats:<receiver>`. */
const scheme = 'nats:';

export function isReceiver(address: string): boolean {
  return address.startsWith(scheme);
}

export function receiverIn(address: string): string {
  return address.slice(scheme.length);
}

const nameOf = new Map<string, string>(Object.entries(eventTypes).map(([name, type]) => [type, name]));

/** One token of a subject: what a token cannot hold becomes `=` and two hex digits for each byte; never empty. */
export function tokenOf(text: string): string {
  if (text === '') return '=';
  const escaped = text.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
  // Whole subjects have to fit into one line of the protocol; a digest keeps what is cut apart.
  if (escaped.length <= 128) return escaped;
  return `${escaped.slice(0, 96)}=${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Domains of JetStream hold no dots. */
export function domainOf(node: string): string {
  return node.replaceAll('.', '_');
}

type Place = Pick<JetStreamConfig, 'subjects' | 'domain'>;

/** `<task>.<site>.<receiver>.<event>.<key>`; the site tells apart what enters at the hub and at each leaf node. */
export function subjectOf(place: Place, receiver: string, type: string, key: string): string {
  return `${place.subjects}.${siteOf(place.domain)}.${tokenOf(receiver)}.${tokenOf(nameOf.get(type) ?? type)}.${tokenOf(key)}`;
}

function siteOf(domain: string | undefined): string {
  return domain === undefined ? 'hub' : `leaf-${tokenOf(domain)}`;
}

/** Everything for a receiver, wherever it entered. */
export function filterOf({ subjects }: Place, receiver: string): string {
  return `${subjects}.*.${tokenOf(receiver)}.>`;
}

/** No receiver is called so: their names begin with that of the task and a dash. */
const dead = 'dead';

/** Where an event goes that a receiver refused for good: the same tokens behind the site. */
export function deadSubjectOf({ subjects }: Place, subject: string): string {
  const [, ...rest] = subject.slice(subjects.length + 1).split('.');
  return `${subjects}.hub.${dead}.${rest.join('.')}`;
}

/** What the stream of this server takes in: at the hub, or on a leaf node. */
export function intakeOf({ subjects, domain }: Place): string {
  return `${subjects}.${siteOf(domain)}.>`;
}

/** The last token of a subject: events of one key keep their order. */
export function keyIn(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

/** Each time a receiver begins it has a consumer of its own, which goes on where the one before ended. */
export function consumerName(receiver: string, term: number): string {
  return `${tokenOf(receiver)}-${term}`;
}

/** Undefined: it is another receiver's. */
export function termIn(receiver: string, consumer: string): number | undefined {
  const prefix = `${tokenOf(receiver)}-`;
  const term = consumer.startsWith(prefix) ? consumer.slice(prefix.length) : '';
  return /^\d+$/.test(term) ? Number(term) : undefined;
}

/** @param uid of the task, or of the run: another life of the same name has a stream of its own */
export function streamNames(
  namespace: string,
  task: string,
  uid: string,
): Pick<JetStreamConfig, 'stream' | 'subjects'> {
  const parts = ['mei', namespace, task, uid.slice(0, 8)].filter(Boolean).map(tokenOf);
  return { stream: parts.join('-'), subjects: parts.join('.') };
}
