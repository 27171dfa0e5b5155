// The image of pod sandboxes, written here because no registry can be reached: one program that waits. realCluster.ts calls it.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { writeImage, writeLayer } from '../../../../image/oci.ts';
import { sandboxImage } from './containerd.ts';

/** Path of the archive, in `folder`. */
export async function writePauseImage(folder: string, program: string): Promise<string> {
  const content = { file: program, size: statSync(program).size };
  const layer = await writeLayer(folder, [{ path: 'pause', mode: 0o755, content }], false);
  const target = join(folder, 'pause.tar');
  await writeImage(target, sandboxImage, [
    {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      entrypoint: ['/pause'],
      command: [],
      workingFolder: '/',
      user: '65535:65535',
      environment: {},
      layers: [layer],
    },
  ]);
  return target;
}
