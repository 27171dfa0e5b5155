// The samples that the documentation and `npm start` show are valid.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { resolveModel } from '../../config/models.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { parseTask } from '../../config/task.ts';

const folder = join(packageRoot(), 'config/samples');
const names = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');

test('all samples are there', () => {
  expect(names).toEqual(
    expect.arrayContaining([
      'history.yaml',
      'knative.yaml',
      'minimal.yaml',
      'rtsp.yaml',
      'targets.yaml',
      'two-cameras.yaml',
    ]),
  );
});

test.each(names)('%s is valid and its models are in the catalogue', (name) => {
  const { spec } = parseTask(readFileSync(join(folder, name), 'utf8'), name);
  expect(spec.cameras.length).toBeGreaterThanOrEqual(2);
  for (const stage of ['detect', 'embed'] as const) {
    const { modelRef } = spec.stages[stage];
    if (modelRef !== undefined) expect(resolveModel(modelRef, stage)).toMatchObject({ task: stage });
  }
});
