// Sedna's REST routes of the controller over HTTPS: who may use them, what they answer, and where a state goes.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { eventTypes } from '../../../config/events.ts';
import { eventually } from '../liveController.ts';
import { createSite, edgeTask, shares, startCloud, type Cloud, type Site } from '../link/site.ts';

let site: Site;
let cloud: Cloud;
let receiver: Server;
let received: { type: string; data: Record<string, unknown> }[] = [];
/** Answers of the status function, used up one by one; then 202. */
let answers: number[] = [];

beforeAll(async () => {
  site = createSite();
  site.addToken('edge-1');
  site.addToken('edge-2');
  site.addToken('_operator');
  receiver = createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (chunk) => (text += String(chunk)));
    incoming.on('end', () => {
      const status = answers.shift() ?? 202;
      if (status === 202) received.push(JSON.parse(text) as (typeof received)[number]);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  cloud = await startCloud(site, { tasks: [edgeTask('gate', 3, ['edge-1', 'edge-3'])] });
  const [node, share] = [...shares(edgeTask('hall', 1, ['edge-1']))][0]!;
  share.workers[0]!.sinks = {
    [eventTypes.report]: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
  };
  cloud.downstream.publish('default/hall', new Map([[node, share]]));
});
afterAll(async () => {
  await cloud.close();
  receiver.closeAllConnections();
  receiver.close();
  site.remove();
});
beforeEach(() => {
  received = [];
  answers = [];
});

async function post(path: string, body: unknown, entry?: string): Promise<[number, Record<string, unknown>]> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const options = {
    method: 'POST',
    ca: readFileSync(site.authority.ca),
    headers: entry === undefined ? {} : { authorization: `Bearer token-of-${entry}-0123456789abcdef` },
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    const sent = request(`https://127.0.0.1:${cloud.server.port}${path}`, options, (response) => {
      let answer = '';
      response.on('data', (chunk) => (answer += String(chunk)));
      response.on('end', () =>
        resolve([response.statusCode!, JSON.parse(answer) as Record<string, unknown>]),
      );
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

const insert = '/default/sedna/downstream/multiedgeinferences/gate/insert';
const resource = {
  apiVersion: 'sedna.io/v1alpha1',
  kind: 'MultiEdgeInference',
  metadata: { name: 'gate', namespace: 'default', uid: 'uid-of-gate', generation: 3 },
};

test('an insert sends the task of the cluster again and says how far its nodes are', async () => {
  const nodes = ['edge-1', 'edge-3'].map((node) => ({ node, isConnected: false, isConfirmed: false }));
  const wanted = { task: 'default/gate', generation: 3, nodes };
  expect(await post(insert, resource, '_operator')).toEqual([202, wanted]);
});

const changed = (metadata: object, more: object = {}) => ({
  ...resource,
  ...more,
  metadata: { ...resource.metadata, ...metadata },
});

test.each<[string, unknown, string | undefined, number, RegExp]>([
  ['nobody', resource, undefined, 401, /^no valid token or certificate for _operator$/],
  ['a node', resource, 'edge-1', 401, /_operator/],
  ['another kind', changed({}, { kind: 'Pod' }), '_operator', 422, /^the body must be a MultiEdgeInference$/],
  ['another name', changed({ name: 'hall' }), '_operator', 422, /name different tasks/],
  [
    'a stale generation',
    changed({ generation: 2 }),
    '_operator',
    409,
    /^generation 2 of task default\/gate is not the current one, 3$/,
  ],
  ['one that is ahead', changed({ generation: 4 }), '_operator', 409, /not the current one/],
  ['another uid', changed({ uid: 'x' }), '_operator', 409, /deleted and made anew/],
  ['no JSON', '{', '_operator', 400, /no JSON/],
  ['too much', 'x'.repeat(3 << 20), '_operator', 413, /more than/],
])('an insert of %s is refused with the reason', async (_, body, entry, status, words) => {
  const [found, answer] = await post(insert, body, entry);
  expect([found, answer]).toEqual([status, { error: expect.stringMatching(words) }]);
});

test('a task that is not in the cluster is not made here', async () => {
  const path = insert.replace('gate', 'none');
  const [status, answer] = await post(path, changed({ name: 'none' }), '_operator');
  expect([status, answer]).toEqual([
    404,
    { error: 'there is no task default/none: create it with kubectl apply' },
  ]);
});

const upstream = (task = 'hall', node = 'edge-1') =>
  `/default/sedna/upstream/multiedgeinferences/${task}/status?node=${node}`;
const state = {
  phase: 'detect',
  status: 'running',
  output: {
    taskInfo: {
      trackingObjectNumber: 4,
      findUnkownObject: true,
      startTime: '2025-01-31T12:00:00Z',
      currentTime: '2025-01-31T13:00:00Z',
    },
  },
};

test.each([
  ['taskInfo', 'findUnkownObject'],
  ['taskInfo', 'findUnknownObject'],
  ['ownerInfo', 'findUnkownObject'],
  ['ownerInfo', 'findUnknownObject'],
])(
  'a state of a node with %s.%s is a report for the status function, also when that is away',
  async (field, flag) => {
    const { findUnkownObject, ...rest } = state.output.taskInfo;
    const body = { ...state, output: { [field]: { ...rest, [flag]: findUnkownObject } } };
    answers = [503, 503];
    expect((await post(upstream(), body, 'edge-1'))[0]).toBe(202);
    await eventually(
      async () => received,
      (all) => all.length === 1,
      10_000,
    );
    expect(received[0]).toMatchObject({
      type: eventTypes.report,
      data: {
        task: 'hall',
        node: 'edge-1',
        stage: 'detect',
        worker: 'hall-edge-edge-1',
        phase: 'Running',
        output: { taskInfo: { trackingObjectNumber: 4, findUnknownObject: true } },
      },
    });
  },
);

test.each<[string, string, unknown, string | undefined, number, RegExp]>([
  ['without token', upstream(), state, undefined, 401, /edge-1/],
  ['with the token of another node', upstream(), state, 'edge-2', 401, /edge-1/],
  ['without a node', upstream('hall', ''), state, 'edge-1', 401, /this node/],
  ['with a path for a node', upstream('hall', '..%2Ftokens%2Fedge-1'), state, 'edge-1', 401, /this node/],
  ['in the name of the operator', upstream('hall', '_operator'), state, '_operator', 403, /has no part/],
  [
    'of a node without a part in the task',
    upstream('hall', 'edge-2'),
    state,
    'edge-2',
    403,
    /^node edge-2 has no part in task default\/hall$/,
  ],
  ['of a task that is not there', upstream('none'), state, 'edge-1', 403, /has no part/],
  [
    'of a stage that is elsewhere',
    upstream(),
    { ...state, phase: 'match' },
    'edge-1',
    422,
    /^phase match is no stage of node edge-1: it has ingest, detect, embed$/,
  ],
  [
    'of a kind that is not known',
    upstream(),
    { ...state, status: 'x' },
    'edge-1',
    422,
    /^status x is not known/,
  ],
  ['without anything', upstream(), {}, 'edge-1', 422, /^phase must be a text/],
])('a state %s is refused', async (_, path, body, entry, status, words) => {
  const [found, answer] = await post(path, body, entry);
  expect([found, answer]).toEqual([status, { error: expect.stringMatching(words) }]);
  expect(received).toEqual([]);
});
