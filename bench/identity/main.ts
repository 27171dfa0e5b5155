// `npm run bench:identity`: identities across cameras of our matcher, of plain ways, and of the matcher with parts left out.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../../config/models.ts';
import { defaultSettings, type MatchSettings } from '../../functions/match/core/settings.ts';
import { leaveOneOut } from './leaveOneOut.ts';
import { drawPictures } from './pictures.ts';
import { printHeader, printRow } from './print.ts';
import { ablate, compare, type Row } from './rows.ts';
import { setsAt, type IdentitySet, type Sources } from './sets.ts';
import { ablationTable, delayTable, reliabilityTable, scoreTable, writeTable } from './tables.ts';

const shared = process.env['SHARED_DIR'] ?? '../shared';
process.env['MODELS_DIR'] ??= join(shared, 'models');

const { values } = parseArgs({
  options: {
    detector: { type: 'string', default: 'rtmdet-nano-person-384x512' },
    embedder: { type: 'string', multiple: true, default: ['reid-0286', 'mei-embed-s2'] },
    strides: { type: 'string', default: '1,3,6' },
    only: { type: 'string', multiple: true, default: [] },
    set: { type: 'string', multiple: true, default: [] },
    ablation: { type: 'boolean', default: false },
    'leave-one-out': { type: 'boolean', default: false },
    site: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    cache: { type: 'string', default: '.cache' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:identity -- [--ablation | --leave-one-out] [--only market|split|wildtrack|multiviewx]... [--strides 1,3,6]
    [--embedder row]... [--detector row] [--set name=value]... [--site] [--write] [--cache folder]
  --ablation       the matcher with its parts added one after the other, at full rate
  --leave-one-out  the most influential numbers chosen on all sets but one, scored on that one
  --site           what the matcher found out about each site
  --write          puts the tables into docs/benchmarks.md and the pictures into docs/images
  --set            a number of functions/match/core/settings.ts, such as --set slope=20
Settings are tuned on half of Market's people ("tune") and checked on the other half ("check"). Needs ../shared (SHARED_DIR).`);
  process.exit(0);
}
if (!existsSync(join(shared, 'data'))) {
  console.error(
    `identity: ${join(shared, 'data')} is missing: set SHARED_DIR to the folder that holds data/ and models/`,
  );
  process.exit(1);
}

const own = ownNumbers(values.set);
const strides = values.strides.split(',').map(Number);
const [firstEmbedder] = values.embedder as [string];
if (values['leave-one-out']) {
  const sources = sourcesOf(firstEmbedder);
  const sets = await setsAt(1, sources, values.only);
  const table = leaveOneOut(without(sets, 'Market, tune', 'Market, unseen'), settingsOf(sources));
  console.log(table);
  if (values.write) writeTable('leave-one-out', table);
} else if (values.ablation) {
  const rows = await rowsOf(sourcesOf(firstEmbedder), [1], ablate);
  if (values.write) writeTable('ablation', ablationTable(rows));
} else {
  for (const name of values.embedder) tell(name, await rowsOf(sourcesOf(name), strides, compare));
}

/** What was found with one embedder: on the console, and in the documents where that is wanted. */
function tell(embedder: string, rows: readonly Row[]): void {
  const tables = {
    [embedder]: scoreTable(rows),
    [`delay ${embedder}`]: delayTable(rows),
    [`kept promises ${embedder}`]: reliabilityTable(rows),
  };
  for (const [name, table] of Object.entries(tables)) {
    console.log(`\n${table}`);
    if (values.write) writeTable(name, table);
  }
  if (values.write && embedder === firstEmbedder) drawPictures(rows, 'docs/images');
}

function without(sets: readonly IdentitySet[], ...names: string[]): IdentitySet[] {
  return sets.filter(({ name }) => !names.includes(name));
}

async function rowsOf(sources: Sources, rates: number[], method: typeof compare): Promise<Row[]> {
  const settings = settingsOf(sources);
  printHeader(sources.embedder.name, settings);
  const rows: Row[] = [];
  for (const stride of rates) {
    const sets = await setsAt(stride, sources, values.only);
    for (const set of method === ablate ? without(sets, 'Market, check', 'Market, unseen') : sets) {
      for (const row of method(set, settings, sources.embedder.name)) {
        rows.push(row);
        printRow(row);
        if (values.site && row.report) console.log(JSON.stringify(row.report, undefined, 1));
      }
    }
  }
  return rows;
}

function sourcesOf(embedder: string): Sources {
  return {
    dataFolder: join(shared, 'data'),
    cacheFolder: values.cache,
    detector: resolveModel({ name: values.detector }, 'detect'),
    embedder: resolveModel({ name: embedder }, 'embed'),
  };
}

function settingsOf({ embedder }: Sources): MatchSettings {
  return {
    ...defaultSettings,
    threshold: embedder.sameThreshold ?? defaultSettings.threshold,
    margin: embedder.margin ?? defaultSettings.margin,
    ...own,
  };
}

/** `name=value` pairs of the command line. */
function ownNumbers(pairs: string[]): Partial<MatchSettings> {
  const numbers: Record<string, number> = {};
  for (const pair of pairs) {
    const [name, value] = pair.split('=');
    if (name === undefined || !(name in defaultSettings) || !Number.isFinite(Number(value))) {
      console.error(
        `identity: --set ${pair}: wants name=value with a name of functions/match/core/settings.ts`,
      );
      process.exit(1);
    }
    numbers[name] = Number(value);
  }
  return numbers;
}
