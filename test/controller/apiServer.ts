// An API server that does what no real one can be made to do: nock answers in its place, request by request.
import { PassThrough } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node';
import nock from 'nock';
import { Cluster } from '../../controller/cluster.ts';

const server = 'https://api.test:6443';

export function fakeCluster(): Cluster {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server, skipTLSVerify: true },
    { name: 'tester', token: 'secret-token' },
  );
  return new Cluster(config, { fieldManager: 'tester', requestTimeoutMs: 2000 });
}

export function api(): nock.Scope {
  return nock(server);
}

/** A watch whose stream the test writes. */
export interface OpenWatch {
  query: URLSearchParams;
  stream: PassThrough;
}

/** Answers every watch of `plural` with a stream of its own, in the order in which they are asked for. */
export function watches(plural: string): { next(): Promise<OpenWatch> } {
  const opened: OpenWatch[] = [];
  const waiting: ((watch: OpenWatch) => void)[] = [];
  api()
    .persist()
    .get((uri) => uri.includes(`/${plural}?`) && uri.includes('watch=true'))
    .reply(200, function (uri) {
      const watch = { query: new URL(uri, server).searchParams, stream: new PassThrough() };
      const take = waiting.shift();
      if (take) take(watch);
      else opened.push(watch);
      return watch.stream;
    });
  return {
    next: () =>
      new Promise((resolve) => {
        const watch = opened.shift();
        if (watch) resolve(watch);
        else waiting.push(resolve);
      }),
  };
}

export function event(type: string, name: string, resourceVersion: string): string {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'ns', resourceVersion } };
  return `${JSON.stringify({ type, object })}\n`;
}

export function podList(names: string[], resourceVersion: string, next?: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PodList',
    metadata: { resourceVersion, ...(next !== undefined && { continue: next }) },
    items: names.map((name) => ({ metadata: { name, namespace: 'ns', resourceVersion: '1' } })),
  };
}

export function failure(code: number, reason: string): object {
  return { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message: `it is ${reason}` };
}
