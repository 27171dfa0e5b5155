// One connected local controller: sends it what differs, a few events at a time, until it has confirmed all. downstream.ts makes it.
import type { WebSocket } from 'ws';
import { messageOf, PermanentError } from '../errors.ts';
import {
  largestMessage,
  linkMessage,
  parseLinkMessage,
  type LinkEvent,
  type TaskRef,
} from '../link/events.ts';
import type { Log } from '../log.ts';
import type { NodeShare } from './shares.ts';

export interface ConnectionOptions {
  socket: WebSocket;
  node: string;
  /** Unique among all connections, for the ids of events. */
  name: string;
  log: Log;
  /** All that the node should have, now. */
  wanted(): ReadonlyMap<string, NodeShare>;
  /** Tasks that the node may keep although nothing is sent of them. */
  kept(): readonly TaskRef[];
  onConfirmed(key: string, share: NodeShare): void;
  /** The node cannot store it, and why. */
  onRefused(key: string, reason: string): void;
  onForgotten(uid: string): void;
  /** It has dropped what was not in the inventory. */
  onInventory(): void;
}

/** Events that wait for an answer at a time; together with largestMessage the bound of what is buffered for a node. */
const window = 4;
const answerTimeoutMs = 30_000;
/** A node that could not store something is asked again. */
const retryMs = 5000;

type Sent =
  | { kind: 'inventory' }
  | { kind: 'share'; key: string; share: NodeShare }
  | { kind: 'delete'; task: TaskRef };

export class Connection {
  readonly #options: ConnectionOptions;
  /** Keys whose share differs from what was confirmed on this connection; each once, in the order of change. */
  readonly #changed = new Set<string>();
  readonly #deleted = new Map<string, TaskRef>();
  readonly #confirmed = new Set<string>();
  readonly #underWay = new Map<string, { sent: Sent; timer: NodeJS.Timeout }>();
  readonly #retries = new Set<NodeJS.Timeout>();
  #isInventoryDue = true;
  #count = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on('message', (data, isBinary) => this.#take(data as Buffer, isBinary));
    socket.once('close', () => this.#end());
    for (const key of options.wanted().keys()) this.#changed.add(key);
    this.#pump();
  }

  /** The share of this task is another one, or new. */
  changed(key: string): void {
    this.#changed.add(key);
    this.#pump();
  }

  /** The node has no part in this task any more. */
  removed(task: TaskRef): void {
    this.#deleted.set(task.uid, task);
    this.#pump();
  }

  close(code: number, reason: string): void {
    this.#options.socket.close(code, reason);
  }

  #pump(): void {
    while (this.#underWay.size < window) {
      const next = this.#next();
      if (!next || this.#options.socket.readyState !== this.#options.socket.OPEN) return;
      this.#send(next);
    }
  }

  /** The inventory first: what the node has besides goes before anything comes. */
  #next(): Sent | undefined {
    if (this.#isInventoryDue) {
      this.#isInventoryDue = false;
      return { kind: 'inventory' };
    }
    const [gone] = this.#deleted.values();
    if (gone) {
      this.#deleted.delete(gone.uid);
      return { kind: 'delete', task: gone };
    }
    for (const key of this.#changed) {
      // One at a time of a task: the later of two answers must be about the later event.
      if ([...this.#underWay.values()].some(({ sent }) => sent.kind === 'share' && sent.key === key))
        continue;
      this.#changed.delete(key);
      const share = this.#options.wanted().get(key);
      if (share) return { kind: 'share', key, share };
    }
    return undefined;
  }

  #send(sent: Sent): void {
    const { node, name, socket, log } = this.#options;
    const id = `${name}-${++this.#count}`;
    const text = this.#messageOf(sent, id);
    if (Buffer.byteLength(text) > largestMessage) {
      if (sent.kind !== 'share') return this.close(1009, 'too many tasks');
      const words = `its part of the task is larger than a message may be (${largestMessage} bytes)`;
      return this.#options.onRefused(sent.key, words);
    }
    const timer = setTimeout(() => {
      log.warn({ node, event: id }, 'a local controller does not answer');
      socket.terminate();
    }, answerTimeoutMs);
    this.#underWay.set(id, { sent, timer });
    socket.send(text);
  }

  #messageOf(sent: Sent, id: string): string {
    if (sent.kind === 'inventory') {
      const tasks = [...this.#options.wanted().values()].map(({ task }) => task);
      const data = { tasks: [...tasks, ...this.#options.kept()] };
      return linkMessage({ name: 'inventory', id, data }, `/nodes/${this.#options.node}`);
    }
    if (sent.kind === 'delete')
      return linkMessage({ name: 'delete', id, data: { task: sent.task } }, sourceOf(sent.task));
    const { task, digest, workers, tokens } = sent.share;
    const name = this.#confirmed.has(task.uid) ? 'update' : 'insert';
    return linkMessage({ name, id, data: { task, digest, workers, tokens } }, sourceOf(task));
  }

  #take(data: Buffer, isBinary: boolean): void {
    const { node, log, socket } = this.#options;
    try {
      if (isBinary) throw new PermanentError('a message is no text');
      const event = parseLinkMessage(data.toString('utf8'), ['acknowledged', 'refused']);
      this.#answered(event);
    } catch (error) {
      log.warn({ node, error: messageOf(error) }, 'a local controller sent something that is no answer');
      socket.close(1008, messageOf(error).slice(0, 100));
    }
    this.#pump();
  }

  #answered(event: LinkEvent): void {
    if (event.name !== 'acknowledged' && event.name !== 'refused') return;
    const found = this.#underWay.get(event.data.of);
    if (!found) throw new PermanentError('it answers an event that was not sent');
    this.#underWay.delete(event.data.of);
    clearTimeout(found.timer);
    const { sent } = found;
    if (event.name === 'refused') return this.#refused(sent, event.data.reason);
    if (sent.kind === 'inventory') this.#options.onInventory();
    else if (sent.kind === 'delete') {
      this.#confirmed.delete(sent.task.uid);
      this.#options.onForgotten(sent.task.uid);
    } else {
      this.#confirmed.add(sent.share.task.uid);
      this.#options.onConfirmed(sent.key, sent.share);
    }
  }

  #refused(sent: Sent, reason: string): void {
    const { node, log } = this.#options;
    log.warn({ node, reason }, 'a local controller refuses');
    if (sent.kind === 'share') this.#options.onRefused(sent.key, reason);
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      if (sent.kind === 'inventory') this.#isInventoryDue = true;
      else if (sent.kind === 'delete') this.#deleted.set(sent.task.uid, sent.task);
      else this.#changed.add(sent.key);
      this.#pump();
    }, retryMs);
    this.#retries.add(timer);
  }

  #end(): void {
    for (const { timer } of this.#underWay.values()) clearTimeout(timer);
    for (const timer of this.#retries) clearTimeout(timer);
    this.#underWay.clear();
  }
}

function sourceOf({ namespace, name }: TaskRef): string {
  return `/namespaces/${namespace}/multiedgeinferences/${name}`;
}
