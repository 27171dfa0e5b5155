// `mei models`: the catalogue of detectors and embedders, and the files behind it.
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { loadCatalogue, modelConfig, type CatalogueRow } from '../config/models.ts';
import type { ModelConfig } from '../config/worker.ts';
import { nearest } from '../config/validation/suggestion.ts';
import { cacheName, ensureModel } from '../functions/media/models.ts';
import type { ProgressStyle } from './progress.ts';
import { exitCodes, UserError } from './userError.ts';

export function modelsCommand(): Command {
  const models = new Command('models').description('List, fetch and check models').addHelpText(
    'after',
    `
A model is a row of the catalogue (config/models.yaml) and a file whose digest the row names. Rows of your own stand in a
file that MEI_MODELS_FILE names; docs/models.md says how to make one.

Examples:
  $ mei models list                                  what there is, and what is on this machine
  $ mei models pull mb3-centernet-person-512         fetch one; an interrupted download goes on where it stopped
  $ mei models verify                                are the files on this machine the right ones?
  $ mei models list --json | jq -r '.[] | select(.here) | .name'`,
  );
  models
    .command('list')
    .description('Print the catalogue; a file of your own rows can be named in MEI_MODELS_FILE')
    .option('--json', 'print JSON', false)
    .action(async ({ json }: { json: boolean }) => list(json));
  models
    .command('pull')
    .description(
      'Fetch models that are not on this machine yet; an interrupted download goes on where it stopped',
    )
    .argument('<name...>', 'rows of the catalogue')
    .option('--json', 'print a JSON line for each', false)
    .action(async (names: string[], { json }: { json: boolean }) => {
      const rows = names.map(rowNamed);
      await ensureModels(rows.map(modelConfig), json ? 'json' : process.stdout.isTTY ? 'bars' : 'lines');
      for (const { name } of rows)
        console.log(json ? JSON.stringify({ name, state: 'ready' }) : `${name}: ready`);
    });
  models
    .command('verify')
    .description('Check the digests of the model files on this machine')
    .argument('[name...]', 'rows of the catalogue; all when left out')
    .option('--json', 'print a JSON line for each', false)
    .action(async (names: string[], { json }: { json: boolean }) =>
      verify(names.length > 0 ? names.map(rowNamed) : loadCatalogue(), names.length > 0, json),
    );
  return models;
}

async function list(json: boolean): Promise<void> {
  const rows = await Promise.all(
    loadCatalogue().map(async (row) => ({ ...row, here: (await localPath(row)).path !== undefined })),
  );
  if (json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const nameWidth = Math.max(...rows.map((row) => row.name.length));
  for (const { name, task, here, input, licence } of rows) {
    const size = `${input.width}x${input.height}`;
    console.log(
      `${name.padEnd(nameWidth)}  ${task.padEnd(6)}  ${size.padStart(9)}  ${here ? 'here   ' : 'missing'}  ${licence}`,
    );
  }
}

async function verify(rows: CatalogueRow[], mustExist: boolean, json: boolean): Promise<void> {
  const problems: string[] = [];
  for (const row of rows) {
    const { name } = row;
    const { path, reason } = await localPath(row);
    const isWrong = path === undefined && (mustExist || /digest/.test(reason));
    if (isWrong) problems.push(reason);
    const state = path !== undefined ? 'right' : isWrong ? 'wrong' : 'absent';
    if (json) console.log(JSON.stringify({ name, state, ...(path && { path }), ...(isWrong && { reason }) }));
    else if (path !== undefined) console.log(`${name}: ${path} is right`);
    else if (!isWrong) console.log(`${name}: not on this machine`);
  }
  if (json && problems.length > 0) process.exitCode = exitCodes.failed;
  else if (problems.length > 0) throw new UserError(problems.join('\nmei: '));
}

/** The file, when it is on this machine and right; nothing is fetched. */
export async function localPath(row: CatalogueRow): Promise<{ path?: string; reason: string }> {
  const local = row.uri.startsWith('http') ? { ...modelConfig(row), uri: cacheName(row) } : modelConfig(row);
  return ensureModel(local).then(
    (path) => ({ path, reason: '' }),
    (error: Error) => ({ reason: error.message }),
  );
}

function rowNamed(name: string): CatalogueRow {
  const rows = loadCatalogue();
  const row = rows.find((candidate) => candidate.name === name);
  if (row) return row;
  const names = rows.map((candidate) => candidate.name);
  const near = nearest(name, names);
  const advice = near === undefined ? `known are ${names.join(', ')}` : `did you mean ${near}?`;
  throw new UserError(`model ${name} is not in the catalogue: ${advice}`, exitCodes.badInput);
}

/**
 * Makes sure that all files are here before workers start, with a bar for each download.
 * @throws UserError naming the model and what to do
 */
export async function ensureModels(models: ModelConfig[], style: ProgressStyle): Promise<void> {
  const unique = new Map(models.map((model) => [model.sha256, model]));
  for (const model of unique.values()) {
    const bar =
      style === 'bars' ? new SingleBar({ format: `${model.name} [{bar}] {percentage} %` }) : undefined;
    try {
      await ensureModel(model, {
        onProgress(bytes, total = bytes) {
          if (!bar) return;
          if (!bar.isActive) bar.start(total, bytes);
          bar.update(bytes);
        },
      });
    } catch (cause) {
      throw new UserError((cause as Error).message, exitCodes.failed, { cause });
    } finally {
      bar?.stop();
    }
  }
}
