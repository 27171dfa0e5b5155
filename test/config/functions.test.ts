// serverless.yml as the code reads it, and what its readers are told when it is wrong.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadFunctions, parseFunctions } from '../../config/functions.ts';
import { packageRoot } from '../../config/packageRoot.ts';
import { stageNames } from '../../config/worker.ts';
import { messageOf } from './taskText.ts';

const text = readFileSync(join(packageRoot(), 'serverless.yml'), 'utf8');
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'functions-'));
  for (const name of stageNames) {
    mkdirSync(join(root, 'functions', name), { recursive: true });
    writeFileSync(join(root, 'functions', name, 'handler.ts'), '');
  }
});
afterAll(() => rmSync(root, { recursive: true }));

test('the list of this package is sound, with all its handlers', () => {
  const { functions, image } = loadFunctions();
  expect(Object.keys(functions)).toEqual([...stageNames]);
  expect(image).toContain('/');
  expect(functions.ingest).toMatchObject({
    name: 'ingest',
    placement: 'edge',
    queue: { maxBytes: 64 * 2 ** 20 },
    resources: { limits: { cpu: '1', memory: '512Mi' } },
  });
  expect(functions.match.batching).toEqual({ maxEvents: 64, maxWaitMs: 5 });
  expect('batching' in functions.status).toBe(false);
});

test.each([
  [
    'consumes: [frame, stream]',
    'consumes: [frames, stream]',
    'functions.detect.consumes[0]: must be image, frame,',
    'did you mean frame?',
  ],
  [
    'produces: [frame, stream]',
    'produces: [stream]',
    'functions.detect.consumes[0]: no function produces frame',
    '',
  ],
  [
    'handler: functions/embed/handler.create',
    'handler: functions/embed/other.create',
    'functions.embed.handler: there is no module functions/embed/other.ts',
    '',
  ],
  [
    'handler: functions/embed/handler.create',
    'handler: embed',
    'functions.embed.handler: must be a module path',
    'got "embed"',
  ],
  [
    '  embed:',
    '  embedding:',
    'functions.embed: is missing',
    'functions.embedding: is not a known field; did you mean embed?',
  ],
  [
    'placement: edge',
    'placement: Edge',
    'functions.ingest.placement: must be edge or cloud, got "Edge"; did you mean edge?',
    '',
  ],
  [
    'maxEvents: 32',
    'maxEvents: 0',
    'functions.ingest.queue.maxEvents: must be between 1 and 1000000, got 0',
    '',
  ],
  [
    'maxBytes: 64Mi',
    'maxBytes: 250m',
    'functions.ingest.queue.maxBytes: "250m" is not a quantity of bytes',
    '',
  ],
  [
    'cpu: 250m',
    'cpu: 64Mi',
    'functions.ingest.resources.requests.cpu: "64Mi" is not a quantity of cores',
    '',
  ],
  [
    'cpu: 250m',
    'cpu: 3',
    'functions.ingest.resources.requests.cpu: must not be greater than the limit (1)',
    '',
  ],
  [
    'scaling: { min: 1',
    'scaling: { min: 2',
    'functions.ingest.scaling.min: must not be greater than max (1)',
    '',
  ],
  [
    'acknowledge: queued',
    'acknowledges: queued',
    'functions.ingest.acknowledges: is not a known field; did you mean acknowledge?',
    'functions.ingest.acknowledge: is missing',
  ],
  ['name: knative', 'name: aws', 'provider.name: must be knative, got "aws"', ''],
])('%s -> %s is refused with its line', (from, to, problem, alsoSays) => {
  expect(text).toContain(from);
  const message = messageOf(() => parseFunctions(text.replace(from, to), 'serverless.yml', root));
  const line = message.split('\n').find((candidate) => candidate.includes(problem)) ?? message;
  expect(line).toContain(problem);
  expect(line).toMatch(/^serverless\.yml:\d+: /);
  expect(message).toContain(alsoSays);
});

test('a function list that is not there is named', () => {
  expect(() => loadFunctions('/nowhere/serverless.yml')).toThrow(
    /nowhere\/serverless.yml: cannot be read: ENOENT/,
  );
});
