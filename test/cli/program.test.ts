// The commands as a whole: each can be read by programs, each teaches by examples that it understands itself.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';
import { problemOf } from './parsed.ts';

const folder = mkdtempSync(join(tmpdir(), 'mei-program-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function mei(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', 'cli/mei.ts', ...args], {
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => void (text += part) });
  command.outputHelp();
  return text;
}

function examples(help: string): string[] {
  return [...help.matchAll(/\$ (?:.*?<\()?mei ([^|)>\n]*?)(?: {2}|\s*[|)>]|$)/gm)].map(([, line]) =>
    line!.trim(),
  );
}

const all = () => leaves(createProgram());
const names = all().map((command) => nameOf(command));

const wordsOf = (line: string) => line.split(/\s+/).filter((word) => word !== '\\');

function nameOf(command: Command): string {
  return command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();
}

/** One prints a script, the other serves a page. */
const withoutJson = ['completion', 'console'];

test.each(names.filter((name) => !withoutJson.includes(name)))('%s can print JSON', (name) => {
  const command = all().find((each) => nameOf(each) === name)!;
  expect(command.options.map(({ long }) => long)).toContain('--json');
});

test.each(names)('%s teaches with examples, of which each is understood', (name) => {
  const command = all().find((each) => nameOf(each) === name)!;
  const withParent = helpOf(command) + (command.parent?.parent ? helpOf(command.parent) : '');
  const lines = examples(withParent);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.some((line) => line.startsWith(name))).toBe(true);
  for (const line of lines) expect([line, problemOf(wordsOf(line))]).toEqual([line, undefined]);
});

test('the reader of examples refuses what mei does not know', () => {
  expect(examples('  $ mei run a.yaml --fro 3   x\n')).toEqual(['run a.yaml --fro 3']);
  expect(problemOf(wordsOf('run a.yaml --fro 3'))).toMatch(/unknown option/);
  expect(problemOf(wordsOf('runn a.yaml'))).toMatch(/unknown command/);
});

test.each([
  [['vaildate', 'x.yaml'], /Did you mean validate\?/, 1],
  [['run', 'x.yaml', '--ou', 'y'], /Did you mean --out\?/, 1],
  [['export', 'x', '--format', 'cvs'], /Allowed choices are mot, jsonl, csv, video/, 1],
  [['models', 'pull', 'mei-embed-2'], /did you mean mei-embed-s2\?/, 2],
  [['validate', 'config/samples/minmal.yaml'], /did you mean config\/samples\/minimal\.yaml\?/, 2],
  [['export', 'config'], /it has no task\.json: name the folder that `mei run` printed/, 2],
  [['export', 'no-such-folder'], /there is no such folder; `mei run` prints where/, 2],
])('mei %j suggests the fix', (args, message, code) => {
  const { stderr, status } = mei(...args);
  expect(stderr).toMatch(message);
  expect(status).toBe(code);
});

test('where results are JSON lines, errors are too', () => {
  const [unknown, missing] = [
    mei('validate', '--jsno', '--json', 'x'),
    mei('outbox', 'list', folder, '--json'),
  ];
  expect(JSON.parse(unknown.stderr.split('\n')[0]!)).toMatchObject({ type: 'error' });
  expect(JSON.parse(missing.stderr)).toEqual({
    type: 'error',
    message: expect.stringContaining('there is no outbox'),
    exitCode: 2,
  });
});

test('validate says of each file what is wrong, as JSON lines too', () => {
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(
    wrong,
    'apiVersion: sedna.io/v1alpha1\nkind: MultiEdgeInference\nmetadata: {name: a}\nspec: {camera: []}\n',
  );
  const { stdout, stderr, status } = mei('validate', 'config/samples/minimal.yaml', wrong, '--json');
  expect(stderr).toBe('');
  expect(status).toBe(2);
  const [good, bad] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(good).toMatchObject({ valid: true, cameras: 2 });
  expect(bad).toMatchObject({ file: wrong, valid: false });
  expect(JSON.stringify(bad!['problems'])).toMatch(/did you mean cameras\?/);
});
