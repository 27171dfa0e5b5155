// `npm run generate`: writes what follows from the schemas; a test compares the files with what this gives.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crdYaml } from './generate/crd.ts';
import { eventsPage } from './generate/eventsPage.ts';
import { functionsPage } from './generate/functionsPage.ts';
import { messagesPage } from './generate/messagesPage.ts';
import { openApiText } from './queries/openapi.ts';
import { metricsPage } from './generate/metricsPage.ts';
import { resourcePage } from './generate/resourcePage.ts';
import { serverlessSchema } from './generate/serverlessSchema.ts';
import { loadFunctions } from './functions.ts';
import { packageRoot } from './packageRoot.ts';

/** Every generated file: its path below the package root, and its text. */
export function generatedFiles(): Record<string, string> {
  return {
    'config/crd/multiedgeinferences.yaml': crdYaml(),
    'config/functions.schema.json': serverlessSchema(),
    'docs/reference/resource.md': resourcePage(),
    'docs/reference/events.md': eventsPage(),
    'docs/reference/metrics.md': metricsPage(),
    'docs/reference/messages.md': messagesPage(),
    'docs/reference/queries.openapi.json': openApiText(),
    'docs/reference/functions.md': functionsPage(loadFunctions()),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [path, text] of Object.entries(generatedFiles())) {
    const file = join(packageRoot(), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(path);
  }
}
