// Knative's own definitions for the test cluster, out of its Go modules: manifests for Knative are held against them.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Pinned, with their digests, by go.mod and go.sum in the folder knative. */
const sources = {
  'knative.dev/serving@v0.51.0': 'config/core/300-resources',
  'knative.dev/eventing@v0.45.0': 'config/core/resources',
};

/** YAML with all CustomResourceDefinitions of Knative Serving and Eventing. Needs Go; downloads a few MB once. */
export async function knativeDefinitions(): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', ...Object.keys(sources)], {
    cwd: fileURLToPath(new URL('./knative', import.meta.url)),
    timeout: 300_000,
  });
  const modules = JSON.parse(`[${stdout.trim().replaceAll(/\}\s*\{/g, '},{')}]`) as Record<string, string>[];
  const texts = Object.entries(sources).flatMap(([name, folder]) => {
    const root = modules.find(({ Path, Version }) => `${Path}@${Version}` === name)!['Dir']!;
    const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.yaml'));
    return files.map((file) => readFileSync(join(root, folder, file), 'utf8'));
  });
  return texts.join('\n---\n');
}
