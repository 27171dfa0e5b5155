// Dashboard, alerts and scraping name only metrics that exist, and labels that these have; alerts fire when they should.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { metrics, type Metric } from '../../config/metrics.ts';
import { createLocalServer, type ServerParts } from '../../controller/local/server.ts';
import { createMetrics } from '../../controller/metrics.ts';
import { Metrics } from '../../functions/host/metrics.ts';
import type { Registry } from 'prom-client';

const list: Record<string, Metric> = metrics;
const folder = mkdtempSync(join(tmpdir(), 'mei-monitoring-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const alerts = readFileSync('config/monitoring/alerts.yaml', 'utf8');
const dashboard = JSON.parse(readFileSync('config/monitoring/dashboard.json', 'utf8')) as {
  panels: { title: string; targets: { expr: string }[]; gridPos: { x: number; w: number } }[];
  templating: { list: { definition?: string }[] };
};
const { groups } = parse(alerts) as {
  groups: { rules: { alert: string; expr: string; annotations: { summary: string; action: string } }[] }[];
};
const expressions: [string, string][] = [
  ...groups[0]!.rules.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }): [string, string] => [title, expr]),
  ),
  ...dashboard.templating.list.flatMap(({ definition }): [string, string][] =>
    definition === undefined ? [] : [['variable', definition]],
  ),
];

/** Labels that scraping adds. */
const added = ['namespace', 'task', 'worker', 'node', 'le'];

function problemsOf(expression: string): string[] {
  const names = [...new Set(expression.match(/\bmei_[a-z_]+\b/g))];
  if (names.length === 0) return ['it names no metric'];
  return names.flatMap((name) => {
    const metric = list[name] ?? list[name.replace(/_(bucket|sum|count)$/, '')];
    if (!metric) return [`there is no metric ${name}`];
    const used = [...expression.matchAll(new RegExp(`\\b${name}\\{([^}]*)\\}`, 'g'))]
      .flatMap(([, selector]) =>
        [...selector!.matchAll(/([a-z_]+)\s*(?:=~|!=|=|!~)/g)].map(([, label]) => label!),
      )
      .concat(...[...expression.matchAll(/\bby \(([^)]*)\)/g)].map(([, labels]) => labels!.split(/,\s*/)));
    return used
      .filter((label) => !added.includes(label) && !metric.labels.includes(label))
      .map((label) => `${name} has no label ${label}`);
  });
}

test.each(expressions)('%s: %s', (_where, expression) => {
  expect(problemsOf(expression)).toEqual([]);
});

test('the reader of expressions refuses what does not exist', () => {
  expect(problemsOf('mei_nothing > 1')).toEqual(['there is no metric mei_nothing']);
  expect(problemsOf('sum by (colour) (mei_camera_up{kind="x"})')).toEqual([
    'mei_camera_up has no label kind',
    'mei_camera_up has no label colour',
  ]);
});

test('each alert says what to do', () => {
  for (const { annotations } of groups[0]!.rules) expect(annotations.action.length).toBeGreaterThan(20);
});

async function inRegistry(registry: Registry): Promise<Record<string, Omit<Metric, 'of'>>> {
  const found = (await registry.getMetricsAsJSON()) as unknown as {
    name: string;
    help: string;
    type: string;
  }[];
  return Object.fromEntries(
    found.map(({ name, help, type }): [string, Omit<Metric, 'of'>] => {
      const made = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
      return [name, { type: type as Metric['type'], labels: made.labelNames, help }];
    }),
  );
}

const ofList = (wanted: Metric['of']) =>
  Object.fromEntries(
    Object.entries(list)
      .filter(([, { of }]) => of === wanted)
      .map(([name, { of: _of, ...metric }]) => [name, metric]),
  );

test('workers have the metrics of the list, and no others; cameras that are gone are gone', async () => {
  const made = new Metrics();
  let cameras = [
    { camera: 'door', state: 'connected' as const, fps: 5, frames: 9, dropped: 1 },
    { camera: 'gate', state: 'reconnecting' as const, fps: 0, frames: 0, dropped: 0 },
  ];
  made.watch([
    {
      name: 'ingest',
      inbox: { length: 0, bytes: 0, waiting: 0 },
      status: () => ({ phase: 'Running', cameras, figures: { frames: 9 } }),
    },
  ]);
  made.watchOutbox(() => ({
    waiting: 1,
    bytes: 2,
    oldestS: 3,
    deadLetters: 4,
    delivered: 5,
    retries: 6,
    dropped: { age: 0, room: 0, superseded: 0 },
  }));
  made.watchStream(() => ({ waiting: 0, deadLetters: 0, handled: 0, retries: 0 }));
  expect(await inRegistry(made.registry)).toEqual(ofList('worker'));
  const text = await made.registry.metrics();
  expect(text).toContain('mei_camera_up{stage="ingest",camera="door"} 1');
  expect(text).toContain('mei_camera_up{stage="ingest",camera="gate"} 0');
  cameras = cameras.slice(0, 1);
  expect(await made.registry.metrics()).not.toContain('gate');
});

test('the controller has the metrics of the list, and no others', async () => {
  const { registry } = createMetrics(
    () => 0,
    () => 0,
  );
  expect(await inRegistry(registry)).toEqual(ofList('controller'));
});

test('a local controller has the metrics of the list, and no others', async () => {
  const server = createLocalServer({
    store: { tasks: () => [] },
    link: { isConnected: () => true, connections: () => 1, problem: () => undefined },
    outbox: { figures: () => ({ waiting: 0, bytes: 0, oldestS: 0, deadLetters: 0 }) },
    configs: { waiting: () => 0, route: { method: 'GET', path: '/none', handle: () => ({ status: 200 }) } },
    routes: [],
    log: { info() {}, warn() {}, error() {} },
  } as unknown as ServerParts);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  server.close();
  server.closeAllConnections();
  expect(text).toContain('mei_lc_connected 1');
  const named = Object.fromEntries(
    [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name, help]): [string, string] => [name!, help!]),
  );
  expect(named).toEqual(
    Object.fromEntries(Object.entries(ofList('local controller')).map(([name, { help }]) => [name, help])),
  );
});

const promtool = (args: string[]) => spawnSync('promtool', args, { encoding: 'utf8', cwd: folder });

test('promtool accepts rules and scraping, and the alerts fire when they should', () => {
  if (promtool(['--version']).error) {
    process.stderr.write('SKIPPED alert rules by promtool: it is not installed (Debian: prometheus)\n');
    return;
  }
  copyFileSync('config/monitoring/alerts.yaml', join(folder, 'alerts.yaml'));
  // Debian builds it without the discovery of Kubernetes; all else is checked.
  const scraping = readFileSync('config/monitoring/prometheus.yaml', 'utf8');
  const here = scraping.replace(/kubernetes_sd_configs:\s+- role: pod/, 'static_configs: [{ targets: [] }]');
  expect(here).not.toBe(scraping);
  writeFileSync(join(folder, 'prometheus.yaml'), here);
  copyFileSync('test/config/monitoring/alerts.yaml', join(folder, 'tests.yaml'));
  for (const args of [
    ['check', 'rules', 'alerts.yaml'],
    ['check', 'config', 'prometheus.yaml'],
    ['test', 'rules', 'tests.yaml'],
  ]) {
    const { stdout, stderr, status } = promtool(args);
    expect([args[0], status === 0 ? '' : stdout + stderr]).toEqual([args[0], '']);
  }
});
