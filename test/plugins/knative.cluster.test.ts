// The Knative objects of serverless.yml against Knative's real definitions, applied with the rights that the Knative overlay gives.
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { eventTypes } from '../../config/events.ts';
import { knative } from '../../config/knative.ts';
import { manifestsYaml } from '../../config/manifests.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { knativeDefinitions } from '../support/cluster/knative.ts';

interface KnativeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}
type Build = (service: string, image: string, name: string, entry: object, schema: object) => KnativeObject[];

const list = parse(readFileSync('serverless.yml', 'utf8')) as {
  service: string;
  provider: { image: string };
  functions: Record<string, { placement: string }>;
};
const manifestsUrl = new URL('../../plugins/manifests.js', import.meta.url).href;
const cloud = Object.entries(list.functions).filter(([, { placement }]) => placement === 'cloud');

onCluster('Knative', {}, (cluster) => {
  let token: string;
  beforeAll(async () => {
    const { kubectl } = cluster();
    await kubectl(['create', 'namespace', 'knative-serving']);
    await kubectl(['apply', '--server-side', '-f', '-'], await knativeDefinitions());
    await kubectl(['apply', '--server-side', '-f', '-'], manifestsYaml('knative'));
    await kubectl(['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
    token = (await kubectl(['-n', 'multi-edge-inference', 'create', 'token', 'controller'])).trim();
  }, 300_000);

  const dryRun = (object: KnativeObject, options: { token?: string } = {}) => {
    const path = `/apis/${object.apiVersion}/namespaces/default/${object.kind.toLowerCase()}s/${object.metadata.name}`;
    return cluster().request('PATCH', `${path}?dryRun=All&fieldValidation=Strict&fieldManager=test`, object, {
      contentType: 'application/apply-patch+yaml',
      ...options,
    });
  };
  const objectsOf = async (name: string, entry: object) => {
    const { knativeManifests } = (await import(manifestsUrl)) as { knativeManifests: Build };
    return knativeManifests(list.service, list.provider.image, name, entry, { eventTypes, knative });
  };

  test.each(cloud)('takes what the plugin writes for %s, strictly', async (name, entry) => {
    for (const object of await objectsOf(name, entry)) {
      const { status, body, warnings } = await dryRun(object);
      expect([object.kind, status, (body as { message?: string }).message, warnings]).toEqual([
        object.kind,
        201,
        undefined,
        [],
      ]);
    }
  });

  test('lets the controller apply Services and Triggers, and nothing else of Knative', async () => {
    const [name, entry] = cloud[0]!;
    for (const object of await objectsOf(name, entry)) {
      const { status } = await dryRun(object, { token });
      expect([object.kind, status]).toEqual([object.kind, object.kind === 'SinkBinding' ? 403 : 201]);
    }
  });

  test('refuses a field that Knative does not know', async () => {
    const [service] = await objectsOf(...cloud[0]!);
    const { status, body } = await dryRun({ ...service!, spec: { tempalte: {} } } as KnativeObject);
    expect(status).toBe(500);
    expect(body).toMatchObject({ message: expect.stringContaining('tempalte') });
  });
});
