// `npm run --silent manifests [-- overlay] [--image name]`: prints the whole install as one YAML for kubectl apply.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { assemble, type KubernetesObject } from './install/assemble.ts';
import { loadFunctions } from './functions.ts';
import { packageRoot } from './packageRoot.ts';
import { ConfigError } from './validation/configError.ts';

const overlaysFolder = join(packageRoot(), 'config/overlays');
export const overlays = readdirSync(overlaysFolder).sort();

/** All objects of an overlay; with `image`, controller and workers run that one. */
export function installObjects(overlay: string, image?: string): KubernetesObject[] {
  if (!overlays.includes(overlay))
    throw new ConfigError([`there is no overlay ${overlay}: choose ${overlays.join(', ')}`]);
  const objects = assemble(join(overlaysFolder, overlay));
  return image === undefined
    ? objects
    : (replaced(objects, loadFunctions().image, image) as KubernetesObject[]);
}

export function manifestsYaml(overlay: string, image?: string): string {
  const texts = installObjects(overlay, image).map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return `# multi-edge-inference, overlay ${overlay}. Install it with: kubectl apply --server-side -f FILE\n${texts.join('---\n')}`;
}

function replaced(value: unknown, from: string, to: string): unknown {
  if (value === from) return to;
  if (Array.isArray(value)) return value.map((item) => replaced(item, from, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, from, to)]));
}

function main(): void {
  try {
    const { values, positionals } = parseArgs({
      options: { image: { type: 'string' } },
      allowPositionals: true,
    });
    if (positionals.length > 1)
      throw new ConfigError([`one overlay at a time, not ${positionals.join(' and ')}`]);
    process.stdout.write(manifestsYaml(positionals[0] ?? 'plain', values.image));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
