// The catalogue of models: what a task's modelRef means; desired(), `mei models` and the benchmarks look models up here.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { packageRoot } from './packageRoot.ts';
import { Catalogue, type CatalogueRow } from './schema/models.ts';
import type { ModelRef } from './schema/stages.ts';
import { ConfigError } from './validation/configError.ts';
import { nearest } from './validation/suggestion.ts';
import { createValidator } from './validation/validator.ts';
import { readYaml } from './validation/yamlSource.ts';
import type { ModelConfig } from './worker.ts';

export type { CatalogueRow } from './schema/models.ts';

const check = createValidator(Catalogue);

/**
 * All rows: those of config/models.yaml, then those of the user's own file; an own row replaces one of the same name.
 * Throws ConfigError with `file:line: path` of each problem, or the error of reading the file.
 */
export function loadCatalogue(ownFile = process.env['MEI_MODELS_FILE']): CatalogueRow[] {
  const rows = new Map(builtIn().models.map((row) => [row.name, row]));
  for (const row of ownFile ? readOwn(ownFile) : []) rows.set(row.name, row);
  return [...rows.values()];
}

let builtInCatalogue: (Catalogue & { defaults: NonNullable<Catalogue['defaults']> }) | undefined;

function builtIn() {
  const path = join(packageRoot(), 'config', 'models.yaml');
  return (builtInCatalogue ??= withDefaults(
    parseCatalogue(readFileSync(path, 'utf8'), relative(process.cwd(), path)),
    path,
  ));
}

function withDefaults({ models, defaults }: Catalogue, path: string) {
  if (defaults === undefined) throw new ConfigError([`${path}: defaults is missing`]);
  return { models, defaults };
}

function readOwn(path: string): CatalogueRow[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`MEI_MODELS_FILE: ${path} cannot be read: ${(error as Error).message}`], {
      cause: error,
    });
  }
  const folder = dirname(resolve(path));
  return parseCatalogue(text, path).models.map((row) =>
    /^https?:/.test(row.uri) ? row : { ...row, uri: resolve(folder, row.uri) },
  );
}

/** Throws ConfigError. */
export function parseCatalogue(text: string, fileName: string): Catalogue {
  const source = readYaml(text, fileName, 'a catalogue of models');
  const { value, problems } = check(source.value);
  if (value === undefined) throw new ConfigError(source.describe(problems));
  return value;
}

/** Models of a task that names none. */
export const defaultModels = {
  get detect(): ModelRef {
    return { name: builtIn().defaults.detect };
  },
  get embed(): ModelRef {
    return { name: builtIn().defaults.embed };
  },
};

const usualDetector = { scoreThreshold: 0.42, nmsIou: 0.6 };
const usualEmbedder = { sameThreshold: 0.5, margin: 0.05 };

/**
 * The model that `ref` means: the one it describes itself (uri, sha256, input), or the row of that name, with the
 * numbers that `ref` gives instead of the row's. Throws ConfigError when there is none or it is for another stage.
 */
export function resolveModel(
  ref: ModelRef,
  stage: 'detect' | 'embed',
  catalogue = loadCatalogue(),
): ModelConfig {
  const { name, uri, sha256, input, ...numbers } = ref;
  if (uri !== undefined && sha256 !== undefined && input !== undefined) {
    if (stage === 'embed' && numbers.dimensions === undefined)
      throw new ConfigError([
        `model ${name}: dimensions is missing: give the length of its vectors in modelRef`,
      ]);
    const usual = stage === 'detect' ? usualDetector : usualEmbedder;
    return { name, task: stage, uri, sha256, input, ...usual, ...numbers };
  }
  const row = catalogue.find((candidate) => candidate.name === name);
  if (row === undefined) throw new ConfigError([unknownModel(name, stage, catalogue)]);
  if (row.task !== stage)
    throw new ConfigError([`model ${name} is for ${row.task}, not for ${stage}: ${known(stage, catalogue)}`]);
  return { ...modelConfig(row), ...numbers };
}

/** What a worker needs of a row; texts for people stay behind. */
export function modelConfig(row: CatalogueRow): ModelConfig {
  const texts = ['licence', 'origin', 'contract', 'embedded'];
  return Object.fromEntries(
    Object.entries(row).filter(([field]) => !texts.includes(field)),
  ) as unknown as ModelConfig;
}

function unknownModel(name: string, stage: 'detect' | 'embed', catalogue: CatalogueRow[]): string {
  const meant = nearest(
    name,
    catalogue.filter((row) => row.task === stage).map((row) => row.name),
  );
  const advice = meant === undefined ? known(stage, catalogue) : `did you mean ${meant}?`;
  return `model ${name} is not in the catalogue: ${advice}; for a file of your own give uri, sha256 and input`;
}

function known(stage: 'detect' | 'embed', catalogue: CatalogueRow[]): string {
  const names = catalogue.filter((row) => row.task === stage).map((row) => row.name);
  return `models for ${stage} are ${names.join(', ')}`;
}
