// Runs a program of the unpacked image as a container runtime would, for image.test.ts: its user, a read-only root, nothing else.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../support/cluster/daemons.ts';

/** Own mounts and processes; a file system that says no to writing except in /tmp; no privileges. */
const enter = `
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -o remount,bind,ro "$1"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mkdir "$1/tmp/given"
mount --bind "$2" "$1/tmp/given"
chroot --userspec=65532:65532 "$1" /usr/bin/node -e '
  try { fs.writeFileSync("/app/x", ""); } catch (error) { console.log(process.getuid(), error.code); }'
exec chroot --userspec=65532:65532 "$1" /usr/bin/node "/app/$3"
`;

export interface Container {
  /** http://127.0.0.1:port */
  url: string;
  /** What it printed so far. */
  log: () => string;
  /** Polls until the path answers 200; throws with the log when it ends or takes longer than a minute. */
  waitFor: (path: string) => Promise<void>;
  stop: () => Promise<void>;
}

/** `files` lie in /tmp/given; the program gets PORT besides `environment`. Needs root. */
export async function startContainer(
  system: string,
  program: string,
  files: Record<string, string | Buffer>,
  environment: Record<string, string>,
): Promise<Container> {
  for (const folder of ['proc', 'dev']) mkdirSync(join(system, folder), { recursive: true });
  const given = mkdtempSync(`${system}-given-`);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(given, name), content, { mode: 0o644 });
  const port = await freePort();
  const flags = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-euc', `chmod 755 "$2"\n${enter}`];
  const child = spawn('unshare', [...flags, 'sh', system, given, program], {
    env: { PATH: process.env['PATH'], HOME: '/tmp', PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += String(chunk)));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    log: () => log,
    waitFor: async (path) => {
      const until = Date.now() + 60_000;
      const isThere = () =>
        fetch(`${url}${path}`).then(
          ({ ok }) => ok,
          () => false,
        );
      while (!(await isThere())) {
        if (child.exitCode !== null || Date.now() > until) throw new Error(`${program}: no ${path}\n${log}`);
        await pause(50);
      }
    },
    stop: async () => {
      // A change of user clears what --kill-child set: the first process of the namespace takes all others with it.
      for (const pid of childrenOf(child.pid)) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
      await ended;
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    },
  };
}

function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}
