// Makes the console's one script, and puts its page and style beside it. `npm run build` runs it, tests call it.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packageRoot } from '../config/packageRoot.ts';

/** Writes app.js, index.html, app.css and icon.svg to `folder`. @returns bytes of the script */
export async function bundleConsole(folder: string): Promise<number> {
  const source = join(packageRoot(), 'console');
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: [join(source, 'app.ts')],
    outfile: join(folder, 'app.js'),
    tsconfig: join(source, 'tsconfig.json'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'inline',
    metafile: true,
    logLevel: 'error',
  });
  for (const name of ['index.html', 'app.css', 'icon.svg']) cpSync(join(source, name), join(folder, name));
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}

if (process.argv[1]?.endsWith('consoleBundle.ts'))
  await bundleConsole(join(packageRoot(), 'dist', 'console'));
