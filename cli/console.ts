// `mei console`: looks at a run in the browser, while it works or afterwards. run.ts serves the same while it runs.
import { basename, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Erased } from '../config/queries/answers.ts';
import { AccessFile } from '../functions/console/access.ts';
import { questionsAt } from '../functions/console/peopleQuestions.ts';
import { openPictureSearch } from '../functions/console/pictureSearch.ts';
import { matchWorkerOf, openRun } from '../functions/console/runSource.ts';
import { serveConsole, type ConsoleServer } from '../functions/console/server.ts';
import { NotFoundError, TransientError, type Log } from '../functions/function.ts';
import { forgetInRun } from './forgetRun.ts';
import { finishWithoutReader } from './outputReader.ts';
import { exitCodes, UserError } from './userError.ts';

/** Where the console is looked for first; a free port when another program has it. */
export const usualPort = 8421;

interface ConsoleOptions {
  port: number;
  host: string;
  tokens?: string;
  json: boolean;
}

export function consoleCommand(): Command {
  return new Command('console')
    .description('Look at a run in the browser: people, cameras, contacts, counts; also after it has ended')
    .argument('<folder>', 'the folder of a run, such as out/two-cameras/latest')
    .option('--port <number>', 'port to listen at; 0: any free one', portNumber, usualPort)
    .option('--host <address>', 'address to listen at; others than this machine need --tokens', '127.0.0.1')
    .option('--tokens <file>', 'who may look: lines of name, view or operate, tasks or *, and a token')
    .option('--json', 'print the address as a JSON line', false)
    .addHelpText(
      'after',
      `
Everything stays on this machine: the page loads nothing from elsewhere. docs/console.md explains the views and the tokens.

Examples:
  $ mei console out/two-cameras/latest
  $ mei console out/shop/latest --host 0.0.0.0 --tokens tokens.txt`,
    )
    .action(look);
}

async function look(folder: string, options: ConsoleOptions): Promise<void> {
  if (!isThisMachine(options.host) && options.tokens === undefined)
    throw new UserError(
      `--host ${options.host} opens the console to other machines: give --tokens with a file of tokens`,
      exitCodes.badInput,
    );
  const worker = await matchWorkerOf(resolve(folder)).catch((cause: Error) => {
    throw new UserError(cause.message, exitCodes.badInput, { cause });
  });
  const pictures = openPictureSearch(resolve(folder), worker);
  const source = await openRun(resolve(folder), {
    ...(pictures && { search: (picture) => pictures.search(picture) }),
    erase: (identity) => eraseIn(resolve(folder), identity),
  });
  const access = options.tokens === undefined ? undefined : new AccessFile(resolve(options.tokens));
  if (access?.problem !== undefined)
    throw new UserError(`${options.tokens}: ${access.problem}`, exitCodes.badInput);
  const server = await serveConsole({ source, log: quiet, ...(access && { access }) }, options).catch(
    (cause: NodeJS.ErrnoException) => {
      const taken =
        cause.code === 'EADDRINUSE' ? 'another program has it; give another --port' : cause.message;
      throw new UserError(`port ${options.port}: ${taken}`, exitCodes.failed, { cause });
    },
  );
  finishWithoutReader();
  if (options.json) console.log(JSON.stringify({ type: 'console', task: source.taskName, url: server.url }));
  else console.log(`${source.taskName}: ${server.url}  (Ctrl-C ends)`);
  await asked();
  await server.close();
  source.close();
  await pictures?.close();
}

/** While the run goes on its own page does it, and says so here. */
async function eraseIn(folder: string, identity: string): Promise<Erased> {
  return forgetInRun(folder, identity).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    throw error.exitCode === exitCodes.badInput
      ? new NotFoundError(error.message, { cause: error })
      : new TransientError(error.message, { cause: error });
  });
}

/**
 * Serves the console of a run that begins; undefined when that cannot be, which must not end the run.
 * @param url of the worker that matches
 */
export async function serveRun(
  folder: string,
  url: string,
  stop: () => void,
): Promise<ConsoleServer | undefined> {
  const worker = await matchWorkerOf(folder).catch(() => undefined);
  const { search, erase } = questionsAt(url);
  const asked = { stop, erase, ...(worker?.models.embed && { search }) };
  const source = await openRun(folder, asked).catch(() => undefined);
  if (!source) return undefined;
  const serve = (port: number) => serveConsole({ source, log: quiet }, { port, host: '127.0.0.1' });
  const server = await serve(usualPort)
    .catch(() => serve(0))
    .catch(() => undefined);
  return (
    server && {
      url: server.url,
      async close() {
        await server.close();
        source.close();
      },
    }
  );
}

/** What to type to see the run in `folder` again, as this program was called. */
export function consoleCommandOf(folder: string): string {
  const script = process.argv[1] ?? 'mei';
  const program = basename(script) === 'mei.js' ? `node ${relative('.', script)}` : 'mei';
  return `${program} console ${folder}`;
}

function asked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

/** What it answers is on the screen of who asked. */
const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (keys, message) => console.error(`mei: ${message} ${JSON.stringify(keys)}`),
};

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function portNumber(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('give a number from 0 to 65535');
  return port;
}
