import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import nock from 'nock';
import { ApiError, TransientError } from '../../controller/errors.ts';
import { turnIntoApplied } from '../../controller/fieldOwnership.ts';
import { podResource, taskResource } from '../../controller/resources.ts';
import { api, failure, fakeCluster } from './apiServer.ts';

beforeAll(() => nock.disableNetConnect());
// The next test file of this process must reach real servers again.
afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});
afterEach(() => {
  nock.abortPendingRequests();
  nock.cleanAll();
});

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'ns' } };

test('applies by server-side apply, as one field manager, with the token of the kubeconfig', async () => {
  let body: unknown;
  api()
    .matchHeader('authorization', 'Bearer secret-token')
    .matchHeader('content-type', 'application/apply-patch+yaml')
    .patch('/api/v1/namespaces/ns/pods/a', (sent) => {
      body = sent;
      return true;
    })
    .query({ fieldManager: 'tester', force: 'true' })
    .reply(200, pod);
  await fakeCluster().apply(pod, { force: true });
  expect(body).toEqual(pod);
});

test('applies a status to its subresource', async () => {
  const task = { ...taskResource, metadata: { name: 't', namespace: 'ns' } };
  const scope = api()
    .patch('/apis/sedna.io/v1alpha1/namespaces/ns/multiedgeinferences/t/status')
    .query(true)
    .reply(200, task);
  await fakeCluster().apply(task, { force: true, subresource: 'status' });
  expect(scope.isDone()).toBe(true);
});

test('makes what is not there with one request, which touches nothing that is', async () => {
  const made = api().post('/api/v1/namespaces/ns/pods').query({ fieldManager: 'tester' }).reply(201, pod);
  expect(await fakeCluster().claim(pod, () => false)).toEqual(pod);
  expect(made.isDone()).toBe(true);
});

test('before the first apply over what it made itself, it counts that as applied', async () => {
  const managedFields = [{ manager: 'tester', operation: 'Update', fieldsV1: { 'f:spec': {} } }];
  const observed = { ...pod, metadata: { ...pod.metadata, managedFields, resourceVersion: '7' } };
  const sent: unknown[] = [];
  const note = (body: unknown) => sent.push(body) > 0;
  api()
    .matchHeader('content-type', 'application/json-patch+json')
    .patch('/api/v1/namespaces/ns/pods/a', note)
    .query(true)
    .reply(422, failure(422, 'Invalid'));
  // The entries are others by now, so they are asked for.
  api()
    .get('/api/v1/namespaces/ns/pods')
    .query({ fieldSelector: 'metadata.name=a', limit: '1' })
    .reply(200, { items: [observed] });
  api()
    .matchHeader('content-type', 'application/json-patch+json')
    .patch('/api/v1/namespaces/ns/pods/a', note)
    .query(true)
    .reply(200, pod);
  api()
    .matchHeader('content-type', 'application/apply-patch+yaml')
    .patch('/api/v1/namespaces/ns/pods/a', note)
    .query(true)
    .reply(200, pod);
  await fakeCluster().apply(pod, { force: true, observed });
  expect(sent).toEqual([
    turnIntoApplied(managedFields, 'tester'),
    [
      { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
      {
        op: 'replace',
        path: '/metadata/managedFields',
        value: [{ ...managedFields[0], operation: 'Apply' }],
      },
    ],
    pod,
  ]);
});

test.each([
  [409, 'Conflict', false],
  [422, 'Invalid', true],
  [500, 'InternalError', false],
  [403, 'Forbidden', false],
])(
  'an answer %d %s is an error with code, reason and message; permanent: %s',
  async (code, reason, permanent) => {
    api().patch('/api/v1/namespaces/ns/pods/a').query(true).reply(code, failure(code, reason));
    const error = (await fakeCluster()
      .apply(pod, { force: true })
      .catch((caught: unknown) => caught)) as ApiError;
    expect(error).toBeInstanceOf(ApiError);
    expect([error.status, error.reason, error.message, error.isPermanent]).toEqual([
      code,
      reason,
      `it is ${reason}`,
      permanent,
    ]);
  },
);

test('429 says when to come back', async () => {
  api()
    .get('/api/v1/namespaces/ns/pods/a')
    .reply(429, failure(429, 'TooManyRequests'), { 'retry-after': '7' });
  await expect(fakeCluster().get(podResource, 'ns', 'a')).rejects.toMatchObject({
    status: 429,
    retryAfterMs: 7000,
  });
});

test('an error page that is no Status is quoted', async () => {
  api().get('/api/v1/namespaces/ns/pods/a').reply(502, '<html>bad gateway</html>');
  await expect(fakeCluster().get(podResource, 'ns', 'a')).rejects.toThrow('HTTP 502: <html>bad gateway');
});

test('what is not there is undefined, and deleting it succeeds', async () => {
  api().get('/api/v1/namespaces/ns/pods/a').reply(404, failure(404, 'NotFound'));
  api().delete('/api/v1/namespaces/ns/pods/a').reply(404, failure(404, 'NotFound'));
  expect(await fakeCluster().get(podResource, 'ns', 'a')).toBeUndefined();
  await fakeCluster().remove(podResource, pod);
});

test('deletes only the object that was seen, not another of the same name', async () => {
  let options: unknown;
  api()
    .delete('/api/v1/namespaces/ns/pods/a', (sent) => {
      options = sent;
      return true;
    })
    .reply(409, failure(409, 'Conflict'));
  await fakeCluster().remove(podResource, { ...pod, metadata: { ...pod.metadata, uid: 'u1' } });
  expect(options).toMatchObject({ preconditions: { uid: 'u1' }, propagationPolicy: 'Background' });
});

test('a server that never answers is worth another try', async () => {
  api().get('/api/v1/namespaces/ns/pods/a').delay(60_000).reply(200, pod);
  await expect(fakeCluster().get(podResource, 'ns', 'a')).rejects.toThrow(TransientError);
});

test('tells whether an API is installed', async () => {
  api()
    .get('/apis/sedna.io/v1alpha1')
    .reply(200, { resources: [{ kind: 'MultiEdgeInference' }] });
  api().get('/apis/sedna.io/v1alpha1').reply(404, failure(404, 'NotFound'));
  expect(await fakeCluster().isServed(taskResource)).toBe(true);
  expect(await fakeCluster().isServed(taskResource)).toBe(false);
});
