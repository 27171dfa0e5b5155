// Finds this package's own folder, from the sources as well as from dist/; whatever reads a file of the package asks here.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/** The folder that holds serverless.yml: the nearest one above this file. */
export function packageRoot(): string {
  found ??= nearestAbove(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function nearestAbove(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'serverless.yml')) && existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`no serverless.yml in any folder above ${start}`);
  }
}
