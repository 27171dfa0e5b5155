// What people write wrong in a task, and what they are told.
import { expect, test } from '@jest/globals';
import { canonicalJson, parseTask, sourceTypeOf } from '../../config/task.ts';
import { messageOf, problemsOf, taskText } from './taskText.ts';

const minimal = taskText({
  cameras: [
    { id: 'left', source: { uri: './samples/left.mp4' } },
    { id: 'right', source: { uri: './samples/right.mp4' } },
  ],
});

test('a name and two cameras are enough', () => {
  const { metadata, spec } = parseTask(minimal, 'task.yaml');
  expect(metadata).toEqual({ name: 'hall', namespace: 'default' });
  expect(spec.cameras[1]).toEqual({
    id: 'right',
    source: { uri: './samples/right.mp4', transport: 'TCP', realtime: false },
    mask: [],
  });
  expect(spec).toMatchObject({
    tracking: { mode: 'MultiObject', acrossCamera: true, classes: ['person'] },
    timing: { mode: 'OnTheFly' },
    topology: { overlaps: [], travelTimes: [] },
    targets: [],
    matching: { votes: 2 },
    privacy: { egress: 'FeaturesOnly' },
    retention: { results: '30d', vectors: '7d' },
    delivery: { type: 'HTTP', outbox: { maxBytes: '100Mi', maxAge: '24h' } },
    packing: 'PerStage',
    runtime: 'Deployment',
    suspend: false,
  });
  expect(Object.values(spec.stages).map((stage) => stage.placement)).toEqual([
    'Edge',
    'Edge',
    'Edge',
    'Cloud',
    'Cloud',
  ]);
  expect('closeContact' in spec).toBe(false);
});

test('canonical JSON reads back as the same task, whatever the order of fields was', () => {
  const task = parseTask(minimal, 'task.yaml');
  const json = canonicalJson(task);
  expect(parseTask(json, 'task.json')).toEqual(task);
  expect(canonicalJson(JSON.parse(JSON.stringify(task, Object.keys(flat(task)).reverse())))).toBe(json);
});

test('empty fields that have a default mean the default, as on the API server', () => {
  const text = `${minimal}  tracking:\n  topology: { overlaps: }\n`;
  expect(parseTask(text, 'task.yaml')).toEqual(parseTask(minimal, 'task.yaml'));
});

test.each([
  ['rtsp://camera/1', 'RTSP'],
  ['rtsps://camera/1', 'RTSP'],
  ['http://camera/video', 'HTTP'],
  ['https://camera/video', 'HTTP'],
  ['file:///video.mp4', 'File'],
  ['./video.mp4', 'File'],
  [undefined, 'Push'],
])('a source with uri %s is %s', (uri, type) => {
  expect(sourceTypeOf(uri === undefined ? {} : { uri })).toBe(type);
});

test('all problems come at once, each with its line, in the order of lines', () => {
  const text = `apiVersion: sedna.io/v1alpha1
kind: MultiEdgeInference
metadata:
  name: Hall
spec:
  camera: []
  packing: pernode
  matching: { threshold: "0.5", votes: 1.5 }
  cameras:
    - id: left
      fps: fast
      source: { uri: left.mp4 }
    - fps: 1000
      source: { uri: right.mp4, startTime: yesterday }
      homography: [1, 0, 0]
      mask: {}
`;
  expect(messageOf(() => parseTask(text, 'bad.yaml')).split('\n')).toEqual([
    'bad.yaml:4: metadata.name: must be a letter, then lower-case letters, digits and dashes, such as station-north, got "Hall"',
    'bad.yaml:6: spec.camera: is not a known field; did you mean cameras?',
    'bad.yaml:7: spec.packing: must be PerStage or PerNode, got "pernode"; did you mean PerNode?',
    'bad.yaml:8: spec.matching.threshold: must be a number, got "0.5"; remove the quotes: 0.5',
    expect.stringMatching(/^bad.yaml:8: spec.matching.votes: must be a whole number, got 1.5; it means: /),
    expect.stringMatching(
      /^bad.yaml:11: spec.cameras\[0\].fps: must be a number, got "fast"; it means: At most/,
    ),
    'bad.yaml:13: spec.cameras[1].id: is missing: lower-case letters, digits and dashes, such as gate-2',
    expect.stringMatching(
      /^bad.yaml:13: spec.cameras\[1\].fps: must be between 0.01 and 120, got 1000; it means: /,
    ),
    'bad.yaml:14: spec.cameras[1].source.startTime: must be a time such as 2026-03-01T08:00:00Z, got "yesterday"',
    expect.stringMatching(
      /^bad.yaml:15: spec.cameras\[1\].homography: must be a list exactly 9 entries long, got a list of 3;/,
    ),
    'bad.yaml:16: spec.cameras[1].mask: must be a list, got an object; begin each entry with a dash',
  ]);
});

test.each([
  ['an empty file', '', /^x: is empty: it must hold one MultiEdgeInference$/],
  ['only a comment', '# nothing\n', /^x: is empty/],
  [
    'two documents',
    `${minimal}---\n${minimal}`,
    /^x:\d+: a second document begins here, 2 in all: put one MultiEdge/,
  ],
  [
    'another kind',
    'apiVersion: apps/v1\nkind: Deployment\n',
    /^x:2: kind: is "Deployment": this file must hold one/,
  ],
  [
    'a misspelt kind',
    minimal.replace('kind: Multi', 'kind: multi'),
    /^x:2: kind: .*did you mean MultiEdgeInference\?$/,
  ],
  [
    'another version',
    minimal.replace('v1alpha1', 'v1'),
    /^x:1: apiVersion: must be sedna.io\/v1alpha1, got "sedna.io\/v1"/,
  ],
  ['text', 'just a sentence', /^x:1: must be an object with fields, got "just a sentence"/],
  ['a list', '- a\n- b\n', /^x:1: must be an object with fields, got a list of 2/],
  ['broken YAML', 'kind: [a\nb: c', /^x:\d+: is not valid YAML: /],
  [
    'a repeated field',
    `${minimal}  cameras: []\n`,
    /^x:\d+: is not valid YAML: key "cameras" is there twice/,
  ],
  ['a bomb of aliases', bomb(), /^x: cannot be read: Excessive alias count/],
  ['a huge file', `# ${'x'.repeat(1_500_001)}`, /^x: is longer than 1500000 bytes/],
])('%s is refused in one line', (_name, text, message) => {
  const [line = '', ...more] = messageOf(() => parseTask(text, 'x')).split('\n');
  expect(line).toMatch(message);
  if (!text.startsWith('kind: [')) expect(more.filter((other) => !other.includes('is missing'))).toEqual([]);
});

test.each([
  [{ cameras: [] }, 'spec.cameras: must be a list between 1 and 128 entries long, got an empty list'],
  [{ cameras: camera({ fps: Number.NaN }) }, 'spec.cameras[0].fps: must be a number, got NaN'],
  [{ cameras: camera({ fps: Infinity }) }, 'spec.cameras[0].fps: must be a number, got Infinity'],
  [{ cameras: camera({ id: 7 }) }, "spec.cameras[0].id: must be text, got 7; put it in quotes: '7'"],
  [
    { cameras: camera({ id: 'a'.repeat(64) }) },
    'spec.cameras[0].id: must be text between 1 and 63 characters long',
  ],
  [
    {
      cameras: camera({
        mask: [
          {
            name: 'a',
            points: [
              [0, 0],
              [1, 2],
              [1, 1],
            ],
          },
        ],
      }),
    },
    'points[1][1]: must be between 0 and 1, got 2',
  ],
  [{ stages: { detekt: {} } }, 'spec.stages.detekt: is not a known field; did you mean detect?'],
  [
    { stages: { ingest: { modelRef: {} } } },
    'spec.stages.ingest.modelRef: is not a known field; known here: placement, replicas',
  ],
  [{ stages: { detect: { params: { x: 'y' } } } }, 'spec.stages.detect.params.x: must be a number, got "y"'],
  [
    { stages: { detect: { resources: { limits: { cpu: 0.5 } } } } },
    "limits.cpu: must be a whole number or text, got 0.5; put it in quotes: '0.5'",
  ],
  [
    { stages: { detect: { resources: { limits: { memory: '1GB' } } } } },
    'must be a quantity such as 500m, 2 or 256Mi, got "1GB"',
  ],
  [
    { retention: { results: '1w' } },
    'spec.retention.results: must be a time span such as 90s, 15m, 12h or 30d, got "1w"',
  ],
  [
    { retention: { crops: '1h' } },
    'spec.retention.crops: is no field any more: no stage keeps pictures of people: leave it out',
  ],
  [{ suspend: 'true' }, 'spec.suspend: must be true or false, got "true"; remove the quotes: true'],
  [{ closeContact: true }, 'spec.closeContact: must be an object with fields, got true'],
  [{ timing: { window: { end: '2026-02-30' } } }, 'spec.timing.window.end: must be a time such as'],
])('%j is refused with what it must be', (spec, message) => {
  expect(problemsOf(spec)).toEqual([expect.stringContaining(message)]);
});

function camera(fields: object) {
  return [{ id: 'left', source: { uri: 'left.mp4' }, ...fields }];
}

function bomb(): string {
  const levels = Array.from(
    { length: 12 },
    (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}1]`,
  );
  return `l0: &l0 [1]\n${levels.join('\n')}\n`;
}

function flat(value: unknown): Record<string, true> {
  if (Array.isArray(value)) return Object.assign({}, ...value.map(flat)) as Record<string, true>;
  if (typeof value !== 'object' || value === null) return {};
  const names = Object.fromEntries(Object.keys(value).map((name) => [name, true as const]));
  return Object.assign(names, ...Object.values(value).map(flat)) as Record<string, true>;
}
