// Reads serverless.yml, the one list of functions, for the controller, the local runner, the host and the plugin.
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { EventName } from './events.ts';
import { packageRoot } from './packageRoot.ts';
import { quantityBytes, quantityCores } from './quantities.ts';
import { fromOutside, Serverless, type FunctionEntry } from './schema/functions.ts';
import { ConfigError, type Problem } from './validation/configError.ts';
import { createValidator } from './validation/validator.ts';
import { readYaml } from './validation/yamlSource.ts';
import { stageNames, type StageName } from './worker.ts';

/** One function of serverless.yml, with quantities resolved to numbers where code needs them. */
export interface FunctionSpec {
  name: StageName;
  description: string;
  /** Module path and export, relative to the package root without extension: `functions/detect/handler.create`. */
  handler: string;
  placement: 'edge' | 'cloud';
  consumes: EventName[];
  produces: EventName[];
  /** When a sender hears 202: once the event is queued, or once it is handled. */
  acknowledge: 'queued' | 'handled';
  queue: { maxEvents: number; maxBytes: number };
  batching?: { maxEvents: number; maxWaitMs: number };
  resources: {
    requests: { cpu: string; memory: string };
    limits: { cpu: string; memory: string };
  };
  /** `shared`: several workers have some of the cameras each, or stand by for the one that works; absent: each takes anything. */
  scaling: { min: number; max: number; concurrency: number; shared?: 'cameras' | 'standby' };
}

/** serverless.yml, checked and typed. */
export interface FunctionList {
  service: string;
  image: string;
  functions: Record<StageName, FunctionSpec>;
}

const check = createValidator(Serverless);

/** The list of functions of this package, or of the file at `path`. Throws ConfigError with `file:line: path` of each problem. */
export function loadFunctions(path = join(packageRoot(), 'serverless.yml')): FunctionList {
  const fileName = relative(process.cwd(), path) || path;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${fileName}: cannot be read: ${(error as Error).message}`], { cause: error });
  }
  return parseFunctions(text, fileName, packageRoot());
}

/** As loadFunctions, from text; handlers are looked up below `root`. */
export function parseFunctions(text: string, fileName: string, root: string): FunctionList {
  const source = readYaml(text, fileName, 'the list of functions');
  const { value, problems } = check(source.value);
  if (value === undefined) throw new ConfigError(source.describe(problems));
  const broken = crossCheck(value, root);
  if (broken.length > 0) throw new ConfigError(source.describe(broken));
  return {
    service: value.service,
    image: value.provider.image,
    functions: Object.fromEntries(
      stageNames.map((name) => [name, resolve(name, value.functions[name])]),
    ) as Record<StageName, FunctionSpec>,
  };
}

function resolve(name: StageName, entry: FunctionEntry): FunctionSpec {
  const { batching, queue, resources, ...same } = entry;
  const amounts = ({ cpu, memory }: { cpu: string | number; memory: string | number }) => ({
    cpu: String(cpu),
    memory: String(memory),
  });
  return {
    name,
    ...same,
    queue: { maxEvents: queue.maxEvents, maxBytes: quantityBytes(queue.maxBytes) },
    resources: { requests: amounts(resources.requests), limits: amounts(resources.limits) },
    ...(batching === undefined ? {} : { batching }),
  };
}

/** What a schema cannot see: between functions, and between the list and the files. */
function crossCheck({ functions }: Serverless, root: string): Problem[] {
  const produced = new Set(stageNames.flatMap((name) => functions[name].produces));
  return stageNames.flatMap((name) => {
    const entry = functions[name];
    const path = (...rest: (string | number)[]) => ['functions', name, ...rest];
    const problems: Problem[] = [];
    for (const [index, event] of entry.consumes.entries())
      if (!produced.has(event) && !fromOutside.includes(event))
        problems.push({
          path: path('consumes', index),
          message: `no function produces ${event}: add it to one's produces`,
        });
    if (!handlerExists(entry.handler, root))
      problems.push({
        path: path('handler'),
        message: `there is no module ${entry.handler.replace(/\.[^.]*$/, '.ts')}`,
      });
    if (entry.scaling.min > entry.scaling.max)
      problems.push({
        path: path('scaling', 'min'),
        message: `must not be greater than max (${entry.scaling.max})`,
      });
    problems.push(...unreadable(entry, path));
    return problems;
  });
}

function handlerExists(handler: string, root: string): boolean {
  const module = handler.replace(/\.[^.]*$/, '');
  return existsSync(join(root, `${module}.ts`)) || existsSync(join(root, 'dist', `${module}.js`));
}

/** Quantities of the wrong kind (memory in m, cpu in Mi), and requests above limits. */
function unreadable(entry: FunctionEntry, path: (...rest: string[]) => (string | number)[]): Problem[] {
  const problems: Problem[] = [];
  const read = (value: string | number, parse: (text: string | number) => number, ...where: string[]) => {
    try {
      return parse(value);
    } catch (error) {
      problems.push({ path: path(...where), message: (error as Error).message });
      return Number.NaN;
    }
  };
  read(entry.queue.maxBytes, quantityBytes, 'queue', 'maxBytes');
  for (const [unit, parse] of [
    ['cpu', quantityCores],
    ['memory', quantityBytes],
  ] as const) {
    const { requests, limits } = entry.resources;
    const request = read(requests[unit], parse, 'resources', 'requests', unit);
    const limit = read(limits[unit], parse, 'resources', 'limits', unit);
    if (request > limit)
      problems.push({
        path: path('resources', 'requests', unit),
        message: `must not be greater than the limit (${limits[unit]})`,
      });
  }
  return problems;
}
