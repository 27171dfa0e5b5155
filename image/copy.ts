// Copies what the image holds into a folder; the Containerfile runs it for the architecture it builds.
//   tsx image/copy.ts <root with dist and node_modules of that architecture> <x64 or arm64> <target>
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { imageFiles } from './contents.ts';

const [root, cpu, target] = process.argv.slice(2);
if (root === undefined || cpu === undefined || target === undefined) {
  process.stderr.write('image/copy.ts needs a root, an architecture (x64, arm64) and a target folder\n');
  process.exit(1);
}
const { common, native } = imageFiles(root, { os: 'linux', cpu });
const files = [...common, ...native];
for (const path of files) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  copyFileSync(join(root, path), join(target, path));
}
process.stdout.write(`${files.length} files\n`);
