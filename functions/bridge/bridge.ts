// Hands on what a console tells of one task: to webhooks as CloudEvents, to an MQTT broker. `mei bridge` runs it, beside the
// workers and not in them, so that no receiver can hold up a matcher: docs/decisions/0010-a-bridge-beside-the-workers.md.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IdentityChange } from '../../config/events.ts';
import type { CourierOptions } from '../../delivery/courier.ts';
import type { TaskView } from '../console/types.ts';
import type { Log } from '../function.ts';
import { guardFor } from '../media/addressGuard.ts';
import { secretIn, type BridgeConfig } from './config.ts';
import { follow, type FollowOptions } from './follow.ts';
import { MqttSink } from './mqtt.ts';
import { Webhook } from './webhooks.ts';

export interface BridgeOptions {
  config: BridgeConfig;
  log: Log;
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  delivery?: Partial<CourierOptions>;
  times?: FollowOptions['times'];
}

const positionFile = 'position';
const settleMs = 5000;

/** Resolves when `signal` aborts and what was under way is delivered or stored. @throws Error for what cannot work */
export async function runBridge({
  config,
  log,
  signal,
  environment,
  delivery,
  times,
}: BridgeOptions): Promise<void> {
  const { stateFolder, console: followed } = config;
  mkdirSync(stateFolder, { recursive: true });
  const guard = guardFor('notice', environment);
  const webhooks = config.webhooks.map(
    (each) => new Webhook(each, { folder: stateFolder, guard, log, ...(delivery && { delivery }) }),
  );
  if (config.mqtt) guard.check(new URL(config.mqtt.url));
  let task: Pick<TaskView, 'name' | 'namespace'> | undefined;
  let broker: MqttSink | undefined;
  // Changes name no task: the first part of the stream does.
  const early: [string, IdentityChange[]][] = [];

  async function handOn(
    id: string,
    changes: IdentityChange[],
    { namespace, name }: NonNullable<typeof task>,
  ) {
    for (const webhook of webhooks) await webhook.take({ namespace, task: name, id }, changes);
    broker?.takeChanges(namespace, name, changes);
    if (isPosition(id)) keepPosition(stateFolder, id);
  }

  const tokenFile = followed.tokenFile;
  await follow({
    url: followed.url.endsWith('/') ? followed.url : `${followed.url}/`,
    ...(tokenFile !== undefined && { token: () => secretIn(tokenFile) }),
    lastId: readPosition(stateFolder),
    signal,
    log,
    ...(times && { times }),
    async onTask(view) {
      task ??= { name: view.name, namespace: view.namespace };
      if (config.mqtt) broker ??= new MqttSink(config.mqtt, task, log);
      broker?.takeTask(view);
      for (const [id, changes] of early.splice(0)) await handOn(id, changes, task);
    },
    async onChanges(id, changes) {
      if (task) await handOn(id, changes, task);
      else early.push([id, changes]);
    },
    onPosition: (id) => {
      if (early.length === 0) keepPosition(stateFolder, id);
    },
  });
  await broker?.close();
  const late = new Promise((resolve) => setTimeout(resolve, settleMs).unref());
  await Promise.race([Promise.all(webhooks.map((webhook) => webhook.settle())), late]);
  await Promise.all(webhooks.map((webhook) => webhook.close()));
}

/** Whether changes can be asked for from there on. */
function isPosition(id: string): boolean {
  return /^\d{1,15}$/.test(id);
}

function readPosition(folder: string): string | undefined {
  try {
    const text = readFileSync(join(folder, positionFile), 'utf8').trim();
    return isPosition(text) ? text : undefined;
  } catch {
    // The first time.
    return undefined;
  }
}

function keepPosition(folder: string, id: string): void {
  const path = join(folder, positionFile);
  writeFileSync(`${path}.new`, id);
  renameSync(`${path}.new`, path);
}
