// Traces of workers in a cluster: what the controller is told they are told too, and may reach, and nothing where it is told nothing.
import { expect, test } from '@jest/globals';
import type { V1Container } from '@kubernetes/client-node';
import { desired } from '../../controller/desired.ts';
import { manifestsOf } from '../../controller/manifests.ts';
import type { Manifest } from '../../controller/objects/manifest.ts';
import { readSettings } from '../../controller/settings.ts';
import { readTracing as readTracingOfWorker } from '../../functions/host/tracing.ts';
import { installation, sampleTask, surroundings } from './sampleTasks.ts';

const read = (env: NodeJS.ProcessEnv) => readSettings(env, 'image', 'controller-1').installation;

function objects(env: NodeJS.ProcessEnv): Manifest[] {
  const { tracing } = read(env);
  const task = sampleTask('rtsp');
  return manifestsOf(task, desired(task, surroundings), {
    functions: surroundings.functions,
    installation: { ...installation, ...(tracing && { tracing }) },
    stopped: new Set(),
  });
}

function environments(all: Manifest[]): Record<string, string>[] {
  return all
    .filter(({ kind }) => kind === 'Deployment')
    .map(
      ({ spec }) =>
        (spec as { template: { spec: { containers: [V1Container] } } }).template.spec.containers[0],
    )
    .map(({ env = [] }) => Object.fromEntries(env.map(({ name, value = '' }) => [name, value])));
}

const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.monitoring.svc:4318' };

test('every worker gets the collector and the share, and reads them as they are meant', () => {
  const found = environments(objects({ ...collector, OTEL_TRACES_SAMPLER_ARG: '0.25' }));
  expect(found.length).toBeGreaterThan(3);
  for (const env of found)
    expect(readTracingOfWorker(env)).toEqual({
      url: 'http://collector.monitoring.svc:4318/v1/traces',
      headers: {},
      share: 0.25,
    });
});

test.each([
  [collector.OTEL_EXPORTER_OTLP_ENDPOINT, { namespaceSelector: expect.anything() }],
  ['http://10.1.2.3:4318', { ipBlock: { cidr: '10.1.2.3/32' } }],
])('every worker may reach %s', (url, peer) => {
  const added = (all: Manifest[]) =>
    all
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map(({ spec }) => (spec as { egress: unknown[] }).egress);
  const before = added(objects({}));
  const after = added(objects({ OTEL_EXPORTER_OTLP_ENDPOINT: url }));
  expect(after).toHaveLength(before.length);
  for (const [index, rules] of after.entries()) {
    const known = new Set(before[index]!.map((rule) => JSON.stringify(rule)));
    const more = rules.filter((rule) => !known.has(JSON.stringify(rule)));
    expect(more).toEqual([expect.objectContaining({ to: [peer] })]);
  }
});

test('without a collector nothing is traced', () => {
  expect(read({}).tracing).toBeUndefined();
  for (const env of environments(objects({})))
    expect(Object.keys(env).filter((name) => name.startsWith('OTEL_'))).toEqual([]);
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT: must be an http'],
  [{ ...collector, OTEL_TRACES_SAMPLER_ARG: '2' }, 'OTEL_TRACES_SAMPLER_ARG: must be from 0 to 1'],
  [{ ...collector, OTEL_EXPORTER_OTLP_HEADERS: 'key=secret' }, 'OTEL_EXPORTER_OTLP_HEADERS: is not passed'],
])('%j is refused when the controller starts, and no key is repeated', (env, problem) => {
  expect(() => read(env)).toThrow(problem);
  expect(() => read(env)).not.toThrow('secret');
});
