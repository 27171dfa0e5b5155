// Completion in the shells themselves, where they are installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const shells = ['bash', 'zsh', 'fish'] as const;
const folder = mkdtempSync(join(tmpdir(), 'mei-completion-'));
const script = (shell: string) => join(folder, `mei.${shell}`);
const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

beforeAll(() => {
  for (const shell of shells) {
    const args = ['--import', 'tsx', 'cli/mei.ts', 'completion', shell];
    const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(0);
    writeFileSync(script(shell), stdout);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a Tab after `line` offers in bash. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const program = `source ${script('bash')}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _mei; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8', cwd: folder });
  expect(stderr).toBe('');
  return stdout.trim().split('\n');
}

test.each([
  ['mei r', ['run', 'render']],
  ['mei models ', ['list', 'pull', 'verify']],
  ['mei models pull mb3', ['mb3-centernet-person-512']],
  ['mei export x --format ', ['mot', 'jsonl', 'csv', 'video']],
  ['mei export x -f m', ['mot']],
  ['mei run --no', ['--no-video', '--no-console']],
  ['mei completion f', ['fish']],
  ['mei outbox replay --a', ['--all']],
  ['mei validate mei.b', ['mei.bash']],
])('bash offers after `%s`', (line, wanted) => {
  expect(offered(line)).toEqual(wanted);
});

test.each(shells.filter((shell) => shell !== 'bash'))('%s reads its script', (shell) => {
  if (!has(shell)) {
    process.stderr.write(`SKIPPED completion of ${shell}: ${shell} is not installed\n`);
    return;
  }
  const { stderr, status } = spawnSync(shell, ['-n', script(shell)], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

test('fish offers commands, options and choices', () => {
  if (!has('fish')) {
    process.stderr.write('SKIPPED completion of fish: fish is not installed\n');
    return;
  }
  const ask = (line: string) =>
    spawnSync('fish', ['--no-config', '-c', `source ${script('fish')}; complete -C '${line}'`], {
      encoding: 'utf8',
    })
      .stdout.trim()
      .split('\n')
      .map((each) => each.split('\t')[0]!);
  expect(ask('mei re')).toContain('render');
  expect(ask('mei export x --format ')).toEqual(expect.arrayContaining(['csv', 'mot']));
  expect(ask('mei models ')).toEqual(expect.arrayContaining(['list', 'pull', 'verify']));
});
