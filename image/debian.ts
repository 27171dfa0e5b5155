// The libraries below Node and the native packages for another processor than this machine's, out of Debian's packages. build.ts calls it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { elfFacts } from './elf.ts';

/** All that official builds of Node and prebuilt native packages may count on. */
const packages = ['libc6', 'libgcc-s1', 'libstdc++6'];

interface Names {
  /** Of the processor, in Debian's words. */
  architecture: string;
  /** Name of the folders of its libraries. */
  triplet: string;
}
const names: Record<string, Names> = {
  x64: { architecture: 'amd64', triplet: 'x86_64-linux-gnu' },
  arm64: { architecture: 'arm64', triplet: 'aarch64-linux-gnu' },
};

/**
 * Path in the image -> file of this machine, for what the loader would load for `files` from the system.
 * @param cpu x64 or arm64
 * @param files programs and libraries that the image holds anyway, Node among them
 * @param work an empty folder; downloads stay there
 * @throws Error when packages cannot be had, a file is for another processor, or a library is in none of the packages
 */
export function debianLibraries(cpu: string, files: readonly string[], work: string): Map<string, string> {
  const { architecture, triplet } = names[cpu]!;
  const system = join(work, 'system');
  const folders = [`lib/${triplet}`, `usr/lib/${triplet}`].map((path) => [path, join(system, path)] as const);
  unpack(download(architecture, work), system);

  const libraries = new Map<string, string>();
  const brought = new Set(files.map((file) => basename(file)));
  const open = [...files];
  /** Where it lies in the packages; a loader is asked for by its path, and lies with the libraries too. */
  const find = (name: string, wantedBy: string): [path: string, file: string] => {
    for (const [path, folder] of folders)
      if (existsSync(join(folder, name))) return [`${path}/${name}`, join(folder, name)];
    throw new Error(
      `${wantedBy} needs ${name}, which is in none of ${packages.join(', ')} for ${architecture}`,
    );
  };
  const add = (path: string, file: string) => {
    if (libraries.has(path)) return;
    libraries.set(path, file);
    open.push(file);
  };
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const facts = elfFacts(file);
    if (facts?.cpu !== cpu) throw new Error(`${file} is not for ${cpu}`);
    for (const name of facts.needed) if (!brought.has(name)) add(...find(name, file));
    if (facts.interpreter !== undefined)
      add(facts.interpreter.slice(1), find(basename(facts.interpreter), file)[1]);
  }
  return libraries;
}

/** Package files, from where this machine has its own, checked by its keys; its lists and settings stay as they are. */
function download(architecture: string, work: string): string[] {
  const state = join(work, 'apt');
  const target = join(work, 'packages');
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(state, folder), { recursive: true });
  mkdirSync(target);
  writeFileSync(join(state, 'status'), '');
  const configuration = join(state, 'apt.conf');
  writeFileSync(
    configuration,
    [
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      `Dir::State "${state}";`,
      `Dir::State::lists "${state}/lists";`,
      `Dir::State::status "${state}/status";`,
      `Dir::Cache "${state}/cache";`,
      'Acquire::Languages "none";',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      'APT::Sandbox::User "";',
      '',
    ].join('\n'),
  );
  const apt = (...args: string[]) => {
    try {
      execFileSync('apt-get', ['-q', ...args], {
        cwd: target,
        env: { ...process.env, APT_CONFIG: configuration },
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: 180_000,
      });
    } catch (cause) {
      const { stderr, message } = cause as Error & { stderr?: Buffer };
      const why =
        String(stderr ?? '')
          .trim()
          .split('\n')
          .at(-1) || message;
      throw new Error(
        `apt-get ${args[0]} gives no ${packages.join(', ')} for ${architecture} (${why}): ` +
          'build on a machine of that architecture, or with an engine from the Containerfile',
        { cause },
      );
    }
  };
  apt('update');
  apt('download', ...packages);
  return readdirSync(target).map((name) => join(target, name));
}

function unpack(archives: readonly string[], folder: string): void {
  for (const archive of archives)
    execFileSync('dpkg-deb', ['--extract', archive, folder], { timeout: 60_000 });
}
