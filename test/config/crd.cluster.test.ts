// What a real API server takes and refuses by the CRD, beside what parseTask says about the same resources.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { packageRoot } from '../../config/packageRoot.ts';
import { parseTask } from '../../config/task.ts';
import { onCluster } from '../support/cluster/onCluster.ts';
import { badResources, unknownFields } from './badResources.ts';
import { ruleCases } from './ruleCases.ts';
import { taskText } from './taskText.ts';

interface Status {
  message: string;
  details?: { causes?: { field: string; message: string }[] };
}

const samples = join(packageRoot(), 'config/samples');
const path = '/apis/sedna.io/v1alpha1/namespaces/default/multiedgeinferences';

onCluster('the CRD on a real API server', {}, (cluster) => {
  const dryRun = (text: string) =>
    cluster().request('POST', `${path}?dryRun=All&fieldValidation=Strict`, parse(text));

  beforeAll(async () => {
    await cluster().kubectl(['apply', '-f', 'config/crd/multiedgeinferences.yaml']);
    await cluster().kubectl(['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
  });

  test('kubectl apply of the CRD changes nothing the second time, and the server has nothing to warn of', async () => {
    const { kubectl, request } = cluster();
    expect(await kubectl(['apply', '-f', 'config/crd/multiedgeinferences.yaml'])).toMatch(/unchanged\n$/);
    const { body } = await request('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    const [{ status }] = (body as { items: [{ status: { conditions: { type: string; status: string }[] } }] })
      .items;
    expect(Object.fromEntries(status.conditions.map(({ type, status: is }) => [type, is]))).toEqual({
      Established: 'True',
      NamesAccepted: 'True',
    });
  });

  test.each(badResources)('%s is refused with what would be right', async (_what, spec, field, words) => {
    const { status, body } = await dryRun(taskText(spec));
    expect(status).toBe(422);
    const causes = (body as Status).details?.causes ?? [];
    expect(causes).toContainEqual({
      reason: expect.any(String),
      field,
      message: expect.stringContaining(words),
    });
    expect((body as Status).message).toContain(words);
  });

  test.each(ruleCases)('%s (at %s)', async (message, place, broken, kept) => {
    const refused = await dryRun(taskText(broken));
    expect(refused.status).toBe(422);
    const causes = (refused.body as Status).details?.causes ?? [];
    const named = causes.find((cause) => cause.message.includes(message));
    expect(named?.message).toMatch(/.*: .{20}/);
    expect(place.startsWith(named!.field)).toBe(true);
    expect(await dryRun(taskText(kept))).toMatchObject({ status: 201 });
  });

  test.each(unknownFields)('%s is named', async (_what, spec, field) => {
    const { status, body } = await dryRun(taskText(spec));
    expect(status).toBe(400);
    expect((body as Status).message).toContain(`unknown field "${field}"`);
  });

  test.each(['Hall', '1hall', 'a.b', 'a'.repeat(41)])('a task must not be called %s', async (name) => {
    const { status, body } = await dryRun(taskText({}).replace('name: hall', `name: "${name}"`));
    expect(status).toBe(422);
    expect((body as Status).message).toMatch(/metadata.name/);
  });

  test('kubectl shows the same words', async () => {
    const failure = cluster().kubectl(['apply', '-f', '-'], taskText({ packing: 'pernode' }));
    await expect(failure).rejects.toThrow(
      'spec.packing: Unsupported value: "pernode": supported values: "PerStage", "PerNode"',
    );
  });

  test.each(readdirSync(samples).filter((name) => !name.startsWith('kustomization')))(
    'the sample %s is stored with the defaults of parseTask',
    async (name) => {
      const text = readFileSync(join(samples, name), 'utf8');
      const { status, body } = await dryRun(text);
      expect(status).toBe(201);
      expect((body as { spec: unknown }).spec).toEqual(parseTask(text, name).spec);
    },
  );

  test.each(ruleCases.map(([message, , , kept]) => [message, kept]))(
    'defaults are those of parseTask where it keeps "%s"',
    async (_message, kept) => {
      const { body } = await dryRun(taskText(kept as object));
      expect((body as { spec: unknown }).spec).toEqual(parseTask(taskText(kept as object), 'task').spec);
    },
  );

  test('a task as large as the limits allow is not too much for the rules', async () => {
    const { status, body } = await dryRun(taskText(largest()));
    expect(body).not.toMatchObject({ message: expect.anything() });
    expect(status).toBe(201);
  });
});

/** All lists full, and every rule runs to its end. */
function largest(): object {
  const id = (index: number) => `camera-${'x'.repeat(52)}${String(index).padStart(3, '0')}`;
  const list = <T>(length: number, item: (index: number) => T) =>
    Array.from({ length }, (_, index) => item(index));
  return {
    cameras: list(128, (index) => ({
      id: id(index),
      source: { uri: `rtsp://camera/${'y'.repeat(2000)}` },
      homography: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      mask: list(4, (mask) => ({
        name: `m${mask}`,
        points: list(16, (point) => [point / 16, 1 - point / 16]),
      })),
    })),
    topology: {
      overlaps: list(256, () => ({ cameras: [id(126), id(127)] })),
      travelTimes: list(256, () => ({ from: id(126), to: id(127) })),
    },
    targets: list(64, (index) => ({
      name: `target-${index}`,
      images: list(16, () => ({ url: `https://pictures.example/${'z'.repeat(200)}.jpg` })),
    })),
    closeContact: {},
  };
}
