// The downstream controller: knows what each node should have, keeps the local controllers told, and knows what they confirmed.
// reconcile.ts publishes into it and asks it; server.ts brings it connections.
import type { WebSocket } from 'ws';
import type { TaskRef } from '../link/events.ts';
import type { Log } from '../log.ts';
import { Connection } from './connection.ts';
import type { NodeShare } from './shares.ts';

export interface DownstreamOptions {
  log: Log;
  /** Something that a task's status says, or its deletion waits for, may be different now. Key: `namespace/name`. */
  onChange: (key: string) => void;
  /** RFC 3339, whole seconds. */
  now: () => string;
}

/** How far a node is with a task. */
export interface NodeProgress {
  node: string;
  /** It serves cameras of the task. */
  isCounted: boolean;
  /** It has stored exactly what it should. */
  isConfirmed: boolean;
  /** What it has stored last, as far as this process knows. */
  generation?: number;
  isConnected: boolean;
  /** Whether it was connected since this process began. */
  wasConnected: boolean;
  /** RFC 3339: since when it is away, or since when this process waits for it. */
  awaySince: string;
  /** Why it cannot store it, in its own words. */
  problem?: string;
}

interface NodeState {
  connection: Connection | undefined;
  wasConnected: boolean;
  since: string;
  shares: Map<string, NodeShare>;
  confirmed: Map<string, { uid: string; generation: number; digest: string }>;
  problems: Map<string, string>;
  /** Uids of deleted tasks that it has not confirmed, with the key of each. */
  forgetting: Map<string, string>;
}

export class Downstream {
  readonly #options: DownstreamOptions;
  readonly #nodes = new Map<string, NodeState>();
  /** Tasks of which nodes may keep what they have: what they need cannot be told for now. */
  readonly #kept = new Map<string, TaskRef>();
  #connections = 0;

  constructor(options: DownstreamOptions) {
    this.#options = options;
  }

  /** What the task needs on each node. Idempotent: only nodes whose share differs are told. */
  publish(key: string, shares: ReadonlyMap<string, NodeShare>): void {
    this.#kept.delete(key);
    for (const [name, state] of this.#nodes)
      if (!shares.has(name) && state.shares.has(key)) this.#withdraw(name, key);
    for (const [name, share] of shares) {
      const before = this.#nodes.get(name)?.shares.get(key);
      if (before && before.task.uid !== share.task.uid) this.#withdraw(name, key);
      const state = this.#node(name);
      if (before?.digest === share.digest && isSame(before.task, share.task)) continue;
      state.shares.set(key, share);
      state.problems.delete(key);
      state.connection?.changed(key);
    }
  }

  /** The task is there, but what its nodes need is not known: they keep what they have. */
  retain(key: string, task: TaskRef): void {
    this.#kept.set(key, task);
  }

  /** The task is gone or going. */
  remove(key: string): void {
    this.#kept.delete(key);
    for (const [name, { shares }] of this.#nodes) if (shares.has(key)) this.#withdraw(name, key);
  }

  /** Nodes that have a share of the task, by name. */
  progress(key: string): NodeProgress[] {
    const found = [...this.#nodes].filter(([, { shares }]) => shares.has(key));
    return found
      .map(([name, state]) => progressOf(name, state, key))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /** Connected nodes that have not confirmed yet that they forgot the task. */
  forgetting(key: string): string[] {
    return [...this.#nodes]
      .filter(([, { forgetting, connection }]) => connection && [...forgetting.values()].includes(key))
      .map(([name]) => name);
  }

  share(key: string, node: string): NodeShare | undefined {
    return this.#nodes.get(node)?.shares.get(key);
  }

  /** Tells the nodes of a task all of it again; gives how far they were. */
  resend(key: string): NodeProgress[] {
    const before = this.progress(key);
    for (const { node } of before) this.#nodes.get(node)?.connection?.changed(key);
    return before;
  }

  connectedNodes(): number {
    return [...this.#nodes.values()].filter(({ connection }) => connection).length;
  }

  /** Takes over an authenticated connection of a node; an earlier one of the same node is closed. */
  connect(node: string, socket: WebSocket): void {
    const { log, now } = this.#options;
    const state = this.#node(node);
    state.connection?.close(4000, 'replaced by a newer connection of the same node');
    const forgotten = (uid: string) => {
      const key = state.forgetting.get(uid);
      state.forgetting.delete(uid);
      if (key !== undefined) this.#options.onChange(key);
    };
    /** The inventory tells it of these: no event of their own is sent. */
    const earlier = [...state.forgetting.keys()];
    const connection = new Connection({
      socket,
      node,
      name: `${Date.now().toString(36)}-${++this.#connections}`,
      log,
      wanted: () => state.shares,
      kept: () => [...this.#kept.values()],
      onConfirmed: (key, { task, digest }) => {
        state.confirmed.set(key, { uid: task.uid, generation: task.generation, digest });
        state.problems.delete(key);
        this.#options.onChange(key);
      },
      onRefused: (key, problem) => {
        if (state.problems.get(key) === problem) return;
        state.problems.set(key, problem);
        this.#options.onChange(key);
      },
      onInventory: () => earlier.forEach(forgotten),
      onForgotten: forgotten,
    });
    Object.assign(state, { connection, wasConnected: true, since: now() });
    for (const key of state.shares.keys()) this.#options.onChange(key);
    log.info({ node }, 'a local controller is connected');
    socket.once('close', (code) => {
      if (state.connection !== connection) return;
      Object.assign(state, { connection: undefined, since: now() });
      log.warn({ node, code }, 'a local controller is away');
      for (const key of [...state.shares.keys(), ...state.forgetting.values()]) this.#options.onChange(key);
    });
  }

  #node(name: string): NodeState {
    const found = this.#nodes.get(name);
    if (found) return found;
    const state: NodeState = {
      connection: undefined,
      wasConnected: false,
      since: this.#options.now(),
      shares: new Map(),
      confirmed: new Map(),
      problems: new Map(),
      forgetting: new Map(),
    };
    this.#nodes.set(name, state);
    return state;
  }

  #withdraw(name: string, key: string): void {
    const state = this.#nodes.get(name)!;
    const { task } = state.shares.get(key)!;
    for (const known of [state.shares, state.confirmed, state.problems]) known.delete(key);
    if (state.connection) {
      state.forgetting.set(task.uid, key);
      state.connection.removed(task);
    } else if (!state.wasConnected && state.shares.size === 0) this.#nodes.delete(name);
  }
}

function isSame(a: TaskRef, b: TaskRef): boolean {
  return a.uid === b.uid && a.generation === b.generation;
}

function progressOf(node: string, state: NodeState, key: string): NodeProgress {
  const { task, digest, isCounted } = state.shares.get(key)!;
  const confirmed = state.confirmed.get(key);
  const isOurs = confirmed?.uid === task.uid;
  const problem = state.problems.get(key);
  return {
    node,
    isCounted,
    isConfirmed: isOurs && confirmed.generation === task.generation && confirmed.digest === digest,
    ...(isOurs && { generation: confirmed.generation }),
    isConnected: state.connection !== undefined,
    wasConnected: state.wasConnected,
    awaySince: state.since,
    ...(problem !== undefined && { problem }),
  };
}
