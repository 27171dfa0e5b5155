// Where model files are looked for and kept; models.ts asks when its caller gives no folders.
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface ModelFolders {
  /** Downloads are kept here. */
  cacheFolder: string;
  /** Searched first; also its subfolders detect, embed and default. Absent: none. */
  modelsDir?: string;
}

/** MODELS_DIR, and the cache folder of the user: $XDG_CACHE_HOME or ~/.cache. */
export function modelFolders(environment: NodeJS.ProcessEnv = process.env): ModelFolders {
  const caches = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const modelsDir = environment['MODELS_DIR'];
  return {
    cacheFolder: join(caches, 'multi-edge-inference', 'models'),
    ...(modelsDir ? { modelsDir } : {}),
  };
}
