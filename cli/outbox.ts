// `mei outbox`: shows what waits for the cloud and what it refused for good, and lets people replay or drop the latter.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { rankOf, type EventRow } from '../delivery/eventRows.ts';
import { outboxFileName } from '../delivery/outboxFile.ts';
import { OutboxStore, type DeadLetter } from '../delivery/outboxStore.ts';
import { exitCodes, UserError } from './userError.ts';

interface Selection {
  number?: number[];
  all?: boolean;
  json: boolean;
}

/** Events that wait and are shown one by one. */
const mostShown = 1000;

export function outboxCommand(): Command {
  const command = new Command('outbox')
    .description('What waits on an edge node for the cloud, and what the cloud refused for good')
    .addHelpText(
      'after',
      `
Each edge worker keeps tracklets, ends of streams and reports on its disk until the cloud has them: in order for
each camera, again and again. When there is no more room, old reports give way first, then what was said of a track
between its start and its end, then the oldest of the rest; what is lost is counted and logged.

An event that the cloud refuses for good (a 4xx answer other than 401, 403, 404, 407, 408, 409 and 429) becomes a dead
letter: it holds nothing up, and it stays for you to look at. Replay it once its reason is gone, or drop it.

<folder> is the folder of a run (its outbox/), or of one worker. In a cluster:
  $ kubectl exec deploy/shop-edge-edge-1 -- node dist/cli/mei.js outbox list /var/lib/multi-edge-inference-outbox

Examples:
  $ mei outbox list out/two-cameras/latest                 what waits, and the dead letters with their reasons
  $ mei outbox list out/two-cameras/latest --json          the same as JSON lines, one an event
  $ mei outbox replay out/two-cameras/latest --number 3    let dead letter 3 wait again; a running worker sends it
  $ mei outbox drop out/two-cameras/latest --all           forget all dead letters

docs/reliability.md says what is promised, and what is not.`,
    );
  command.addCommand(
    new Command('list')
      .description('Show what waits and the dead letters')
      .argument('<folder>', 'of a run, or of one worker')
      .option('--json', 'print JSON lines', false)
      .action((folder: string, { json }: Selection) => list(folder, json)),
  );
  for (const [name, what] of [
    ['replay', 'Let dead letters wait again; the worker sends them'],
    ['drop', 'Forget dead letters'],
  ] as const)
    command.addCommand(
      new Command(name)
        .description(what)
        .argument('<folder>', 'of a run, or of one worker')
        .option('-n, --number <number...>', 'dead letters by their number in `list`', whole)
        .option('--all', 'all of them')
        .option('--json', 'print a JSON line for each worker', false)
        .action((folder: string, selection: Selection) => change(name, folder, selection)),
    );
  return command;
}

function list(folder: string, json: boolean): void {
  for (const { worker, store } of openAll(folder)) {
    try {
      if (json) printJson(worker, store);
      else printText(worker, store);
    } finally {
      store.close();
    }
  }
}

function printJson(worker: string, store: OutboxStore): void {
  for (const event of waitingIn(store))
    console.log(JSON.stringify({ worker, state: 'waiting', ...told(event), rank: rankOf(event.rank) }));
  for (const letter of store.deadLetters()) {
    const { number, status, reason } = letter;
    const refused = new Date(letter.refused).toISOString();
    console.log(JSON.stringify({ worker, state: 'dead', number, ...told(letter), status, reason, refused }));
  }
}

function printText(worker: string, store: OutboxStore): void {
  const amounts = [...store.amounts()];
  const letters = store.deadLetters();
  console.log(
    `${worker}: ${counted(
      amounts.reduce((sum, [, { events }]) => sum + events, 0),
      'event',
    )} waiting, ` + counted(letters.length, 'dead letter'),
  );
  for (const [key, { events, bytes }] of amounts)
    console.log(`  ${key}: ${counted(events, 'event')}, ${(bytes / 1024).toFixed(1)} KiB`);
  for (const letter of letters) console.log(line(letter));
}

function line(letter: DeadLetter): string {
  const { type, id } = told(letter);
  const when = new Date(letter.refused).toISOString().slice(0, 19);
  return `  ${letter.number}  ${when}  ${letter.key}  ${type}  ${id}\n     ${letter.status} ${letter.reason}`;
}

function told({ key, source, id, bytes, attributes }: EventRow) {
  const { type, time } = JSON.parse(attributes) as { type: string; time?: string };
  return { key, type, id, source, bytes, ...(time !== undefined && { time }) };
}

function* waitingIn(store: OutboxStore): Generator<EventRow> {
  const targets = store.targets();
  if (targets.length > 0) yield* store.next(targets, 0, { events: mostShown, bytes: Infinity });
}

function change(name: 'replay' | 'drop', folder: string, selection: Selection): void {
  const { number: numbers, all, json } = selection;
  if ((numbers === undefined) === (all !== true))
    throw new UserError(`say which: --number <number...> or --all; \`mei outbox list ${folder}\` shows them`);
  let found = 0;
  for (const { worker, store } of openAll(folder)) {
    try {
      const chosen = store
        .deadLetters()
        .map((letter) => letter.number)
        .filter((number) => numbers?.includes(number) ?? true);
      const count = store[name](chosen);
      found += chosen.length;
      if (json) console.log(JSON.stringify({ worker, [name]: count }));
      else if (count > 0)
        console.log(
          `${worker}: ${counted(count, 'dead letter')} ${name === 'replay' ? 'waiting again' : 'dropped'}`,
        );
    } finally {
      store.close();
    }
  }
  if (numbers && found === 0)
    throw new UserError(`${folder}: there is no dead letter ${numbers.join(', ')}`, exitCodes.badInput);
}

/** The outboxes below a folder: it may be that of a run, of all outboxes, or of one. */
function openAll(folder: string): { worker: string; store: OutboxStore }[] {
  const root = resolve(folder);
  const candidates = [root, join(root, 'outbox')].flatMap((each) => [each, ...foldersIn(each)]);
  const files = candidates.map((each) => join(each, outboxFileName)).filter((each) => existsSync(each));
  if (files.length === 0)
    throw new UserError(
      `${folder}: there is no outbox; name the folder of a run, or a folder with ${outboxFileName}`,
      exitCodes.badInput,
    );
  return files.map((file) => {
    try {
      return { worker: basename(dirname(file)), store: new OutboxStore(dirname(file)) };
    } catch (cause) {
      throw new UserError((cause as Error).message, exitCodes.failed, { cause });
    }
  });
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .sort();
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function whole(value: string, before: number[] = []): number[] {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('give a number of `mei outbox list`');
  return [...before, number];
}
