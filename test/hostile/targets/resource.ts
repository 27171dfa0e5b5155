// Tasks as people, or programs that hate us, may write them: YAML and JSON with things wrong, and bombs.
import { readFileSync, readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import { parseCatalogue } from '../../../config/models.ts';
import { canonicalJson, parseTask } from '../../../config/task.ts';
import { ConfigError } from '../../../config/validation/configError.ts';
import { desired } from '../../../controller/desired.ts';
import { manifestsOf } from '../../../controller/manifests.ts';
import { installation, surroundings } from '../../controller/sampleTasks.ts';
import { mutateBytes, mutateValue, oddValue, type Dice } from '../mutations.ts';
import { checkRefusal, type OpenTarget } from '../target.ts';

const folder = 'config/samples';
const samples = readdirSync(folder)
  .filter((name) => name !== 'kustomization.yaml')
  .map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
const values = samples.map((text) => parse(text) as unknown);

const bombs = [
  () =>
    'a: &a [x]\n' +
    Array.from(
      { length: 30 },
      (_, i) =>
        `b${i}: &b${i} [${Array(9)
          .fill(i === 0 ? '*a' : `*b${i - 1}`)
          .join()}]`,
    ).join('\n'),
  () => `spec: ${'['.repeat(20_000)}`,
  () => `spec: ${'{a: '.repeat(20_000)}`,
  () => '- '.repeat(20_000),
  () => `? `.repeat(5000),
  () => `${'a'.repeat(700_000)}: 1`,
  () => '"\\u0000'.repeat(50_000),
  () => `spec: !!binary ${'A'.repeat(500_000)}`,
  () => '<<: *a\n'.repeat(1000),
  () => '&a [*a]',
  () => `%YAML 9.9\n%TAG ! !!js/function\n---\n!!js/function 'process.exit()'`,
  () => '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
  () => `spec: {cameras: [${'{id: a, source: {}},'.repeat(20_000)}]}`,
  () => `{${Array.from({ length: 60_000 }, (_, i) => `a${i}: 1`).join()}}`,
  () => `spec: !!set {${'? a, '.repeat(10)}}\nmetadata: !!timestamp 2001-01-01`,
  () => `spec: 1e${'9'.repeat(1000)}`,
  () => '---\n'.repeat(100_000),
  () => '#'.repeat(1_000_000),
  () => `x: |\n${' '.repeat(500_000)}`,
  () => '\t'.repeat(1000) + ':',
  () => `${'"a": '.repeat(30_000)}1`,
];

export const open: OpenTarget = async () => ({
  run(dice) {
    const text = textOf(dice);
    try {
      const task = parseTask(text, 'task.yaml');
      const json = canonicalJson(task);
      if (!isDeepStrictEqual(JSON.parse(canonicalJson(parseTask(json, 'again.json'))), JSON.parse(json)))
        throw new Error('a task that is another one when it is read again');
      const plan = { ...desired(task, surroundings), brokerUrl: 'http://broker.knative-eventing.svc/a/b' };
      manifestsOf(task, plan, { functions: surroundings.functions, installation, stopped: new Set() });
      return 'taken';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const line of error.problems.slice(0, 50)) checkRefusal(line);
      if (dice.onceIn(20)) catalogue(text);
      return 'refused';
    }
  },
});

function catalogue(text: string): void {
  try {
    parseCatalogue(text, 'models.yaml');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

function textOf(dice: Dice): string {
  if (dice.onceIn(60)) return dice.pick(bombs)();
  const at = dice.below(samples.length);
  const kind = dice.below(4);
  if (kind === 0)
    return mutateBytes(dice, Buffer.from(samples[at]!), Buffer.from(dice.pick(samples))).toString('utf8');
  const value = dice.onceIn(20) ? oddValue(dice) : mutateValue(dice, values[at]);
  return kind === 1 ? stringify(value) : (JSON.stringify(value) ?? '');
}
