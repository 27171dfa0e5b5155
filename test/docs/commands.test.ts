// Every command of the documents is understood by what it calls, and every block is run: here, or by the test that the list names.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseTask } from '../../config/task.ts';
import { problemOf } from '../cli/parsed.ts';
import { blocksOf, commandsOf, documents } from './blocks.ts';

const blocks = documents().flatMap((file) => blocksOf(file));
const nameOf = ({ file, first }: { file: string; first: string }) => `${file}: ${first}`;

/** `run`: by this file, with a kubectl that only notes what it is asked. Else the test, or the script of .ci/run, that does the same. */
const covered: Record<string, string> = JSON.parse(readFileSync('test/docs/covered.json', 'utf8')) as Record<
  string,
  string
>;

test('each block is in the list: add it to test/docs/covered.json, with `run` or the test that does the same', () => {
  // Benchmarks are run by hand, by whoever needs the figure: that their scripts exist is checked below.
  const isBenchmark = (name: string) => name.startsWith('docs/benchmarks.md: npm run bench:');
  const names = blocks.map(nameOf).filter((name) => !isBenchmark(name));
  expect(names.filter((name) => covered[name] === undefined)).toEqual([]);
});

test('each test that the list names exists', () => {
  const missing = Object.values(covered).filter((by) => by !== 'run' && !existsSync(by));
  expect(missing).toEqual([]);
});

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const kubectlVerbs =
  'apply create delete describe exec get label logs patch port-forward rollout set wait config diff annotate edit cordon drain'.split(
    ' ',
  );
/** What the machine of whoever reads has, or what the page says to install. */
const others =
  'openssl curl install tr sha256sum cut mkdir cat printf apt-get jq head base64 cd export python3 podman node=edge-1 .venv/bin/python .venv/bin/pip .cache/postgres-venv/bin/pip .ci/run skopeo source sed echo rm ls nats-server nats'.split(
    ' ',
  );

/** What is wrong with a command; undefined: nothing. */
function wrongWith(list: readonly string[]): string | undefined {
  const [program, ...rest] = list as [string, ...string[]];
  const isMei = program === 'mei' || (program === 'node' && rest[0] === 'dist/cli/mei.js');
  if (isMei) return problemOf(program === 'mei' ? rest : rest.slice(1));
  if (program === 'npx' && rest[0] === 'tsx' && rest[1] === 'cli/mei.ts') return problemOf(rest.slice(2));
  if (program === 'npm') return wrongWithNpm(rest);
  if (program === 'kubectl') return wrongWithKubectl(rest);
  return others.includes(program) ? undefined : `${program} is not known`;
}

function wrongWithNpm(rest: readonly string[]): string | undefined {
  const [verb, ...more] = rest.filter((word) => word !== '--silent');
  if (verb === 'run') return scripts[more[0]!] === undefined ? `there is no script ${more[0]}` : undefined;
  if (verb === 'test') return more.filter((word) => /^[a-z]+\//.test(word)).find((path) => !existsSync(path));
  return ['ci', 'start', 'link'].includes(verb!) ? undefined : `npm ${verb} is not known`;
}

function wrongWithKubectl(rest: readonly string[]): string | undefined {
  const verb = rest.find(
    (word, at) => !word.startsWith('-') && !['-n', '--namespace'].includes(rest[at - 1] ?? ''),
  );
  if (!kubectlVerbs.includes(verb ?? '')) return `kubectl ${verb} is not known`;
  const file = rest[rest.indexOf('-f') + 1];
  return rest.includes('-f') && /^config\//.test(file!) && !existsSync(file!)
    ? `there is no ${file}`
    : undefined;
}

test.each(blocks.map((block) => [nameOf(block), block.text] as const))('%s is understood', (_name, text) => {
  const commands = commandsOf(text);
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands)
    expect([command.join(' '), wrongWith(command)]).toEqual([command.join(' '), undefined]);
});

test('what is not understood is found', () => {
  const wrong = (line: string) => commandsOf(line).map(wrongWith);
  expect(wrong('npm run nothing && npm test -- test/nowhere')).toEqual([
    'there is no script nothing',
    'test/nowhere',
  ]);
  expect(wrong('A=1 mei rn x | frobnicate > y')).toEqual([
    expect.stringMatching(/unknown command/),
    'frobnicate is not known',
  ]);
  expect(wrong('kubectl -n a aply -f x; kubectl apply -f config/none.yaml')).toEqual([
    'kubectl aply is not known',
    'there is no config/none.yaml',
  ]);
  expect(wrong("cat > a <<'EOF'\nnonsense\nEOF\nmei validate a   # comment")).toEqual([undefined, undefined]);
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mei-documents-'));
  for (const name of ['config', 'samples', 'docs', 'models']) symlinkSync(resolve(name), join(folder, name));
  mkdirSync(join(folder, 'bin'));
  const program = (name: string, text: string) => {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  program(
    'mei',
    `exec "${process.execPath}" --import "${resolve('node_modules/tsx/dist/loader.mjs')}" "${resolve('cli/mei.ts')}" "$@"`,
  );
  program(
    'kubectl',
    `echo "$*" >> "${join(folder, 'asked')}"; case "$*" in *logs*) echo '{"msg":"person seen","time":"t","camera":"c","identity":"i","reason":"r"}';; esac`,
  );
  if (!hasProgram('jq')) program('jq', 'cat > /dev/null');
  writeFileSync(join(folder, 'front.jpg'), 'x');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hasProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.each(
  blocks
    .filter((block) => covered[nameOf(block)] === 'run')
    .map((block) => [nameOf(block), block.text] as const),
)(
  '%s runs as it is written',
  (_name, text) => {
    // A pipe whose reader leaves early is no failure of the command.
    execFileSync('bash', ['-euc', text], {
      cwd: folder,
      env: { ...process.env, CAMERA_PASSWORD: 'x', PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      stdio: 'pipe',
    });
  },
  60_000,
);

test('every link between documents leads somewhere', () => {
  const anchorsOf = (page: string) =>
    [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    );
  const broken = documents().flatMap((file) =>
    [
      ...readFileSync(file, 'utf8')
        .replace(/```[^]*?```/g, '')
        .matchAll(/\]\(([^)\s]+)\)/g),
    ]
      .map(([, link]) => link!)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#') as [string, string?];
        const target = path === '' ? file : join(dirname(file), path);
        if (!existsSync(target)) return true;
        return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
      })
      .map((link) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('each address of a maker is one that a task may have', () => {
  const page = readFileSync('docs/cameras.md', 'utf8');
  const addresses = [...page.matchAll(/`((?:rtsps?|http):\/\/HOST[^`]*)`/g)].map(([, address]) => address!);
  expect(addresses.length).toBeGreaterThan(20);
  const cameras = [...new Set(addresses)].map((uri, index) => ({
    id: `c${index}`,
    source: { uri: uri.replace('HOST', '192.0.2.10') },
  }));
  const task = {
    apiVersion: 'sedna.io/v1alpha1',
    kind: 'MultiEdgeInference',
    metadata: { name: 'a' },
    spec: { cameras },
  };
  expect(parseTask(JSON.stringify(task), 'makers.yaml').spec.cameras).toHaveLength(cameras.length);
});
