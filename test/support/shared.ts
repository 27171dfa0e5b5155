// Finds the shared videos and models that are not part of the repository; tests that need them say so when they are missing.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from '@jest/globals';

const folder = process.env.SHARED_DIR ?? '../shared';

export function sharedPath(path: string): string {
  return resolve(folder, path);
}

/** A test that needs a shared file: skipped by name without it, failed in CI. */
export function testWithShared(name: string, path: string, run: () => Promise<void>): void {
  const found = existsSync(sharedPath(path));
  if (found || process.env.CI === 'true') test(name, run);
  else test.skip(`${name} (needs ${path} in SHARED_DIR)`, run);
}
