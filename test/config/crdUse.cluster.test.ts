// How the resource behaves in daily use on a real API server: names, columns, explanations, edits, and status from many hands.
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { TSchema } from '@sinclair/typebox';
import { parse } from 'yaml';
import { Resource } from '../../config/schema/resource.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { taskText } from './taskText.ts';

interface Stored {
  metadata: { generation: number; resourceVersion: string };
  spec: { packing: string; timing: { mode: string } };
  status?: { phase?: string; nodes?: object[]; stages?: object[] };
}
interface OpenApi {
  properties?: Record<string, OpenApi>;
  items?: OpenApi;
  additionalProperties?: OpenApi;
  allOf?: OpenApi[];
  description?: string;
}

const collection = '/apis/sedna.io/v1alpha1/namespaces/default/multiedgeinferences';
const task = `${collection}/hall`;
const mergePatch = { contentType: 'application/merge-patch+json' };

onCluster('the resource in daily use', {}, (cluster) => {
  beforeAll(async () => {
    await cluster().kubectl(['apply', '-f', 'config/crd/multiedgeinferences.yaml']);
    await cluster().kubectl(['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
  });
  beforeEach(async () => {
    await cluster().request('DELETE', task);
    expect(await cluster().request('POST', collection, parse(taskText({})))).toMatchObject({ status: 201 });
  });

  const patch = async (path: string, body: object) => {
    const answer = await cluster().request('PATCH', path, body, mergePatch);
    return { ...answer, stored: answer.body as Stored };
  };
  /** Server-side apply, as each reporter does under its own name. */
  const applyStatus = async (manager: string, status: object) => {
    const answer = await cluster().request(
      'PATCH',
      `${task}/status?fieldManager=${manager}`,
      { apiVersion: 'sedna.io/v1alpha1', kind: 'MultiEdgeInference', metadata: { name: 'hall' }, status },
      { contentType: 'application/apply-patch+yaml' },
    );
    expect(answer).toMatchObject({ status: 200 });
    return answer.body as Stored;
  };

  test.each(['mei', 'multiedgeinferenceservice', 'multiedgeinferences', 'sedna'])(
    'kubectl get %s',
    async (name) => {
      expect(await cluster().kubectl(['get', name, '-o', 'name'])).toBe('multiedgeinference.sedna.io/hall\n');
    },
  );

  test('kubectl get shows phase, cameras, identities and age; wide says why', async () => {
    const ready = { type: 'Ready', status: 'False', reason: 'ImagePull', message: 'no such image' };
    const conditions = [{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }];
    await applyStatus('controller', { phase: 'Running', camerasConnected: '1/2', identities: 7, conditions });
    const [head, row] = (await cluster().kubectl(['get', 'mei', '-o', 'wide'])).trim().split('\n');
    expect(head!.split(/ {2,}/)).toEqual(['NAME', 'PHASE', 'CAMERAS', 'IDENTITIES', 'AGE', 'MESSAGE']);
    expect(row!.split(/ {2,}/)).toEqual(['hall', 'Running', '1/2', '7', expect.any(String), 'no such image']);
    expect(await cluster().kubectl(['get', 'mei'])).not.toContain('MESSAGE');
  });

  test('kubectl explain has a text on every field', async () => {
    const { body } = await cluster().request('GET', '/openapi/v3/apis/sedna.io/v1alpha1');
    const { schemas } = (body as { components: { schemas: Record<string, OpenApi> } }).components;
    const served = Object.entries(schemas).find(([name]) => name.endsWith('.MultiEdgeInference'))![1];
    const { spec, status } = Resource.properties;
    const wanted = [...texts('spec', spec), ...texts('status', status)];
    expect(wanted.length).toBeGreaterThan(150);
    expect([
      ...servedTexts('spec', served.properties!['spec']!),
      ...servedTexts('status', served.properties!['status']!),
    ]).toEqual(wanted);
    const shown = await cluster().kubectl(['explain', 'mei.spec.cameras.source.uri']);
    expect(shown.replace(/\s+/g, ' ')).toContain('Address of the camera, or path of a file on its node.');
  });

  test('spec and status are written apart, and only spec counts as a new generation', async () => {
    const edited = await patch(task, { spec: { packing: 'PerNode' }, status: { phase: 'Failed' } });
    expect(edited.stored.metadata.generation).toBe(2);
    expect(edited.stored.status).toBeUndefined();
    const reported = await patch(`${task}/status`, {
      spec: { packing: 'PerStage' },
      status: { phase: 'Running' },
    });
    expect(reported.stored).toMatchObject({
      metadata: { generation: 2 },
      spec: { packing: 'PerNode' },
      status: { phase: 'Running' },
    });
  });

  test('a status that does not fit is refused', async () => {
    const { status, body } = await patch(`${task}/status`, { status: { phase: 'Great' } });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      message: expect.stringContaining('status.phase: Unsupported value: "Great"'),
    });
  });

  test('two reporters fill nodes and stages without conflict, and each takes away only what is its own', async () => {
    await applyStatus('edge-1', { nodes: [{ name: 'edge-1', phase: 'Running' }] });
    await applyStatus('edge-2', {
      nodes: [{ name: 'edge-2', phase: 'Pending' }],
      stages: [{ name: 'detect' }],
    });
    const both = await applyStatus('edge-1', {
      nodes: [{ name: 'edge-1', phase: 'Failed', message: 'no camera' }],
      stages: [{ name: 'embed', readyWorkers: 1 }],
    });
    expect(both.status).toEqual({
      nodes: [
        { name: 'edge-1', phase: 'Failed', message: 'no camera' },
        { name: 'edge-2', phase: 'Pending' },
      ],
      stages: expect.arrayContaining([
        { name: 'detect', phase: 'Unknown' },
        { name: 'embed', phase: 'Unknown', readyWorkers: 1 },
      ]),
    });
    expect(both.metadata.generation).toBe(1);
    const left = await applyStatus('edge-1', {});
    expect(left.status).toEqual({
      nodes: [{ name: 'edge-2', phase: 'Pending' }],
      stages: [{ name: 'detect', phase: 'Unknown' }],
    });
  });

  test('the same report again writes nothing', async () => {
    const report = { nodes: [{ name: 'edge-1', phase: 'Running' }] };
    const first = await applyStatus('edge-1', report);
    expect((await applyStatus('edge-1', report)).metadata.resourceVersion).toBe(
      first.metadata.resourceVersion,
    );
  });

  test('timing.mode cannot be edited, and the answer says what to do instead', async () => {
    const { status, body } = await patch(task, { spec: { timing: { mode: 'History' } } });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      message: expect.stringContaining('mode cannot be changed: delete the task and create it again'),
    });
    expect((await patch(task, { spec: { timing: { mode: 'OnTheFly' }, suspend: true } })).status).toBe(200);
  });
});

/** Path and text of every field, as the schema has them. */
function texts(path: string, schema: TSchema): [string, string | undefined][] {
  const inner = Object.entries((schema['properties'] ?? {}) as Record<string, TSchema>);
  const items = schema['items'] as TSchema | undefined;
  const values = schema['additionalProperties'] as TSchema | undefined;
  return [
    [path, schema.description],
    ...inner.flatMap(([name, field]) => texts(`${path}.${name}`, field)),
    ...(items === undefined ? [] : texts(`${path}[]`, items)),
    ...(typeof values === 'object' ? texts(`${path}{}`, values) : []),
  ].sort() as [string, string | undefined][];
}

function servedTexts(path: string, schema: OpenApi): [string, string | undefined][] {
  const inner = Object.entries(schema.properties ?? {});
  return [
    [path, schema.description ?? schema.allOf?.[0]?.description],
    ...inner.flatMap(([name, field]) => servedTexts(`${path}.${name}`, field)),
    ...(schema.items === undefined ? [] : servedTexts(`${path}[]`, schema.items)),
    ...(schema.additionalProperties === undefined
      ? []
      : servedTexts(`${path}{}`, schema.additionalProperties)),
  ].sort() as [string, string | undefined][];
}
