// What Knative itself says of our manifests, by its own code: nothing is refused or warned of, and what it fills in starts no fight.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { eventTypes } from '../../config/events.ts';
import { knative } from '../../config/knative.ts';
import type { Task } from '../../config/schema/resource.ts';
import { desired } from '../../controller/desired.ts';
import { checkFeatures } from '../../controller/knativeNeeds.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { covers } from '../../controller/plan.ts';
import { admit } from '../support/cluster/admission.ts';
import { findPrograms, whyUnavailable } from '../support/cluster/programs.ts';
import { sampleTask, surroundings, taskOf, installation } from './sampleTasks.ts';

const cameras = 'cameras: [{id: a, node: edge-1, source: {uri: "rtsp://10.0.0.1/a"}}]';
const brokerUrl = 'http://broker-ingress.knative-eventing.svc.cluster.local/default/default';

function objectsOf(task: Task): Manifest[] {
  const { spec } = task;
  const asked: Task = {
    ...task,
    spec: { ...spec, runtime: 'Knative', delivery: { ...spec.delivery, type: 'Broker' } },
  };
  const plan = { ...desired(asked, surroundings), brokerUrl };
  const { functions } = surroundings;
  return manifestsOf(asked, plan, { functions, installation, stopped: new Set() }).filter(({ apiVersion }) =>
    apiVersion.includes('knative.dev'),
  );
}

const placed = taskOf(
  `{stages: {match: {nodeSelector: {zone: north}, tolerations: [{key: gpu, operator: Exists}]}}, ${cameras}}`,
);
const tasks: [string, Task][] = [
  ['sample knative', sampleTask('knative')],
  ['sample targets', sampleTask('targets')],
  ['a packed task', taskOf(`{packing: PerNode, ${cameras}}`)],
  [
    'embed in the cloud',
    taskOf(`{privacy: {egress: CropsAllowed}, stages: {embed: {placement: Cloud}}, ${cameras}}`),
  ],
];

const overlay = parse(readFileSync('config/overlays/knative/features.yaml', 'utf8')) as {
  data: Record<string, string>;
};

const reason = whyUnavailable(['knative-admission']);
if (reason !== undefined && process.env['CI'] !== 'true') {
  process.stderr.write(`SKIPPED admission by Knative: ${reason}\n`);
  test.skip(`admission by Knative (${reason})`, () => {});
} else
  describe('admission by Knative', () => {
    beforeAll(() => findPrograms(['knative-admission']), 25 * 60_000);

    test.each(tasks)(
      'of %s: nothing is refused, with the switches as Knative has them',
      async (_name, task) => {
        const objects = objectsOf(task);
        const verdicts = await admit(objects);
        expect(verdicts.length).toBeGreaterThan(3);
        for (const [index, { error, warning, object }] of verdicts.entries()) {
          expect([objects[index]!.metadata.name, error, warning]).toEqual([
            objects[index]!.metadata.name,
            '',
            '',
          ]);
          // Otherwise the controller would write it again, for ever.
          expect(covers(object, objects[index])).toBe(true);
        }
      },
    );

    test('what a task asks beyond that is taken with the switches of the overlay, and named without', async () => {
      const objects = objectsOf(placed);
      const on = await admit(objects, overlay.data);
      expect(on.map(({ error }) => error)).toEqual(on.map(() => ''));
      expect(() => checkFeatures(objects, overlay.data)).not.toThrow();
      const off = (await admit(objects)).map(({ error }) => error).filter(Boolean);
      expect(off).toEqual([expect.stringMatching(/must not set the field.*nodeSelector.*tolerations/s)]);
      expect(() => checkFeatures(objects, {})).toThrow(
        /podspec-nodeselector, kubernetes.podspec-tolerations/,
      );
    });

    test.each([
      ['kubernetes.podspec-nodeselector', 'allowed'],
      ['kubernetes.podspec-nodeselector', 'disabled'],
      ['kubernetes.podspec-tolerations', 'Enabled'],
      ['kubernetes.podspec-tolerations', 'disabled'],
      ['kubernetes.podspec-volumes-emptydir', 'allowed'],
      ['kubernetes.podspec-volumes-emptydir', 'disabled'],
    ])('with %s %s the controller expects what Knative says', async (key, value) => {
      const switches = { ...overlay.data, [key]: value };
      const verdicts = await admit(objectsOf(placed), switches);
      const isTaken = verdicts.every(({ error }) => error === '');
      const check = () => checkFeatures(objectsOf(placed), switches);
      if (isTaken) expect(check).not.toThrow();
      else expect(check).toThrow(key);
    });

    test('refuses what it has always refused: the check itself works', async () => {
      const [service] = objectsOf(placed);
      const spoiled = structuredClone(service!) as unknown as {
        spec: { template: { spec: { terminationGracePeriodSeconds?: number } } };
      };
      spoiled.spec.template.spec.terminationGracePeriodSeconds = 5;
      const [verdict] = await admit([spoiled], overlay.data);
      expect(verdict!.error).toContain('terminationGracePeriodSeconds');
    });

    test('takes what the osls plugin writes for the functions of the cloud', async () => {
      const list = parse(readFileSync('serverless.yml', 'utf8')) as {
        service: string;
        provider: { image: string };
        functions: Record<string, { placement: string }>;
      };
      const { knativeManifests } = (await import(
        new URL('../../plugins/manifests.js', import.meta.url).href
      )) as { knativeManifests: (...parts: unknown[]) => Manifest[] };
      const objects = Object.entries(list.functions)
        .filter(([, { placement }]) => placement === 'cloud')
        .flatMap(([name, entry]) =>
          knativeManifests(list.service, list.provider.image, name, entry, { eventTypes, knative }),
        )
        .filter(({ kind }) => kind !== 'SinkBinding')
        .map((object) => ({ ...object, metadata: { ...object.metadata, namespace: 'default' } }));
      const verdicts = await admit(objects);
      expect(verdicts.map(({ error, warning }) => error + warning)).toEqual(objects.map(() => ''));
    });
  });
