// The process of a local controller, one on each node: a DaemonSet starts it. Environment: see settings.ts.
import { messageOf } from '../errors.ts';
import { listen } from '../link/http.ts';
import { createLog, type Log } from '../log.ts';
import { keepLinked } from './link.ts';
import { NodeOutbox } from './nodeOutbox.ts';
import { receive } from './receive.ts';
import { createLocalServer } from './server.ts';
import { readSettings } from './settings.ts';
import { TaskStore } from './store.ts';
import { workerConfigs } from './workerConfigs.ts';
import { workerEventsRoute } from './workerEvents.ts';
import { workerInfoRoute } from './workerInfo.ts';

const stopMs = 10_000;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const { node } = settings;
  const log = createLog(settings.logLevel, { node });
  endOnUncaught(log);
  const ending = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => ending.abort());

  const store = new TaskStore(settings.storeFolder, (movedTo) =>
    log.error({ movedTo }, 'the store was damaged: starting with an empty one'),
  );
  log.info({ tasks: store.tasks().length }, 'tasks that are stored');
  const configs = workerConfigs(store);
  const outbox = new NodeOutbox(settings.storeFolder, store, log);
  const link = keepLinked(
    {
      settings,
      log,
      receive(event) {
        const { answer, changed } = receive(store, event);
        log.info(
          { kind: event.name, event: event.id, ...('reason' in answer && { reason: answer.reason }) },
          'received',
        );
        configs.changed(changed);
        if (changed.length > 0) outbox.redirect();
        return answer;
      },
    },
    ending.signal,
  );
  const routes = [
    workerInfoRoute({ store, outbox, node, now: Date.now }),
    workerEventsRoute({ store, outbox }),
  ];
  const server = createLocalServer({ store, link, outbox, configs, routes, log });
  const port = await listen(server, settings.port, settings.host);
  log.info({ port }, 'listening');

  await new Promise((resolve) => ending.signal.addEventListener('abort', resolve, { once: true }));
  setTimeout(() => exit(log, 1, 'stopping took too long'), stopMs).unref();
  server.close();
  server.closeAllConnections();
  await Promise.all([link.ended, outbox.close()]);
  store.close();
  exit(log, 0, 'asked to end');
}

function exit(log: Log, code: 0 | 1, reason: string): void {
  if (code === 0) log.info({ reason }, 'ended');
  else log.error({ reason }, 'ended in trouble');
  process.exit(code);
}

function endOnUncaught(log: Log): void {
  const fatal = (error: unknown) => exit(log, 1, `uncaught: ${messageOf(error)}`);
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
});
