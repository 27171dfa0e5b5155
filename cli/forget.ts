// `mei forget`: erases one person from a run on this machine, or through the match worker of a task.
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Erased, Page, Track } from '../config/queries/answers.ts';
import { openAsked } from './ask.ts';
import { forgetInRun } from './forgetRun.ts';

interface ForgetOptions {
  out?: string;
  url?: string;
  tokenFile?: string;
  yes: boolean;
  json: boolean;
}

export function forgetCommand(): Command {
  return new Command('forget')
    .description(
      'Erase a person: vectors, paths, contacts, pictures, announcements, logs. There is no way back',
    )
    .argument('<identity>', 'name of the person, such as p-8f2k1v9x0a; `mei search` tells it')
    .option('-o, --out <folder>', 'of a run that has ended, such as out/two-cameras/latest')
    .option('--url <address>', 'of the match worker of a task that runs')
    .option('--token-file <file>', 'with a token of the role operate for --url; otherwise MEI_TOKEN is used')
    .option('--yes', 'do it; without it only what would be erased is told', false)
    .option('--json', 'print a JSON line', false)
    .addHelpText(
      'after',
      `
What comes late of the erased tracks is dropped; somebody who comes back is a new person. docs/history.md says what is
erased where, and what this cannot reach: copies that were exported, backups, and what subscribers of events keep.

Examples:
  $ mei forget p-8f2k1v9x0a --out out/two-cameras/latest
  $ mei forget p-8f2k1v9x0a --out out/two-cameras/latest --yes
  $ mei forget p-8f2k1v9x0a --url http://127.0.0.1:8080 --token-file chief.token --yes`,
    )
    .action(forget);
}

async function forget(identity: string, options: ForgetOptions): Promise<void> {
  if (!options.yes) return tellFirst(identity, options);
  const erased =
    options.url === undefined ? await forgetHere(identity, options) : await forgetThere(identity, options);
  if (options.json) return console.log(JSON.stringify({ type: 'erased', ...erased }));
  console.log(`${erased.identity} is erased: ${erased.tracks} tracks, ${erased.vectors} vectors`);
  for (const target of erased.targets)
    console.log(`target ${target} of the task has pictures of this person: remove it from the task`);
}

async function tellFirst(identity: string, options: ForgetOptions): Promise<void> {
  const asked = await openAsked(options);
  try {
    const path = `/identities/${encodeURIComponent(identity)}`;
    const { items, next } = await asked.ask<Page<Track>>('GET', path, new URLSearchParams({ limit: '1000' }));
    const cameras = [...new Set(items.map(({ camera }) => camera))].sort().join(', ');
    const message = `${next === undefined ? '' : 'more than '}${items.length} tracks in ${cameras} would be erased: add --yes`;
    if (options.json)
      console.log(JSON.stringify({ type: 'wouldErase', identity, tracks: items.length, message }));
    else console.log(message);
  } finally {
    await asked.close();
  }
}

async function forgetThere(identity: string, options: ForgetOptions): Promise<Erased> {
  const asked = await openAsked(options);
  return asked.ask<Erased>('DELETE', `/identities/${encodeURIComponent(identity)}`);
}

async function forgetHere(identity: string, { out }: ForgetOptions): Promise<Erased> {
  // Says what is wrong with the folder.
  await (await openAsked(out === undefined ? {} : { out })).close();
  return forgetInRun(resolve(out!), identity);
}
