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
  if (!has(shell)) return skipped(shell);
  const { stderr, status } = spawnSync(shell, ['-n', script(shell)], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
});

const cases: [line: string, wanted: string[]][] = [
  ['mei re', ['render']],
  ['mei models ', ['list', 'pull', 'verify']],
  ['mei models pull mb3', ['mb3-centernet-person-512']],
  ['mei export x --format ', ['mot', 'jsonl', 'csv', 'video']],
  ['mei export x -f ', ['mot', 'jsonl', 'csv', 'video']],
  ['mei run --no-v', ['--no-video']],
  ['mei completion f', ['fish']],
  ['mei validate mei.b', ['mei.bash']],
];

test.each(cases)('fish offers after `%s`', (line, wanted) => {
  if (!has('fish')) return skipped('fish');
  const program = `source ${script('fish')}; complete -C '${line}'`;
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', program], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(stderr).toBe('');
  const words = stdout.split('\n').map((each) => each.split('\t')[0]!);
  expect(words).toEqual(expect.arrayContaining(wanted));
  // Nothing of other commands.
  expect(words).not.toContain(line.startsWith('mei models') ? 'render' : 'pull');
});

/** A shell at a terminal of its own, which is asked by Tab as people do. */
const zshAtTerminal = `
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell 'PS1= PROMPT= RPROMPT=; unsetopt zle_bracketed_paste 2>/dev/null; autoload -Uz compinit; compinit -u -D; source '$1'; bindkey "^I" list-choices; zstyle ":completion:*" list-separator " -- "; LISTMAX=999; COLUMNS=200; print ready-to-ask'
got=''
for i in {1..200}; do zpty -r -t shell part && got+=$part || sleep 0.02; [[ $got == *$'\n'ready-to-ask* ]] && break; done
zpty -w -n shell "$2"$'\t'
got=''
for i in {1..$3}; do zpty -r -t shell part && got+=$part || sleep 0.02; [[ $got == *$4* ]] && break; done
print -r -- "$got"
zpty -d shell
`;

test.each(cases.filter(([, wanted]) => wanted.length > 1))('zsh lists after `%s`', (line, wanted) => {
  if (!has('zsh')) return skipped('zsh');
  const args = ['-f', '-c', zshAtTerminal, 'zsh', script('zsh'), line, '500', wanted.at(-1)!];
  const { stdout } = spawnSync('zsh', args, { encoding: 'utf8', cwd: folder, timeout: 30_000 });
  for (const word of wanted) expect(stdout).toContain(word);
  expect(stdout).not.toMatch(/not found|error/);
  expect(stdout).not.toContain(line.startsWith('mei models') ? 'render' : 'pull');
});

function skipped(shell: string): void {
  expect(process.env['CI']).not.toBe('true');
  process.stderr.write(`SKIPPED completion of ${shell}: ${shell} is not installed\n`);
}
