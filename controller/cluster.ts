// The only module that speaks Kubernetes: everything the controller reads or writes goes through here.
// Addresses, certificates and tokens come from access.ts. The requests are our own, because client-node's classes
// open a new TLS connection for each of them, and its Watch cannot be ended before the answer has begun.
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import type { ApiAccess } from './access.ts';
import { ApiError, TransientError } from './errors.ts';
import { asApplied, creationOf, turnIntoApplied } from './fieldOwnership.ts';
import type { ManagedFields, Manifest } from './objects/manifest.ts';
import { eventResource, resourceOf, type Resource } from './resources.ts';

export interface ClusterOptions {
  /** Owner of the fields that this program applies. */
  fieldManager: string;
  /** Longest time a request other than a watch may take. */
  requestTimeoutMs?: number;
  /** Requests under way at a time, watches not counted. */
  connections?: number;
  /** Told of every request that is sent, for figures. */
  onRequest?: (method: string, path: string) => void;
}

export interface Page {
  items: Manifest[];
  resourceVersion: string;
  /** Asks for the next page; absent on the last. */
  next?: string;
}

export interface WatchEvent {
  type: string;
  object: Manifest & { code?: number; reason?: string; message?: string };
}

export interface WatchOptions {
  resourceVersion: string;
  labelSelector?: string | undefined;
  /** After so long the server ends the stream. */
  timeoutSeconds: number;
  signal: AbortSignal;
  /** The server has accepted. */
  onOpen(): void;
  onEvent(event: WatchEvent): void;
}

interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}

const serverSideApply = 'application/apply-patch+yaml';
const jsonPatch = 'application/json-patch+json';
/** Few enough for the share of one account in the API server, enough for its caches to be waited for. */
export const usualConnections = 48;
/** One event of a watch is at most an object (1.5 MiB in etcd) with its frame. */
const maxLineLength = 4 << 20;

export class Cluster {
  readonly #config: ApiAccess;
  readonly #options: Required<Omit<ClusterOptions, 'onRequest'>> & Pick<ClusterOptions, 'onRequest'>;
  readonly #agent: Agent;
  /** Watches have connections of their own: they would block all others. */
  readonly #watchAgent = new Agent({ keepAlive: false });

  constructor(config: ApiAccess, options: ClusterOptions) {
    this.#config = config;
    this.#options = { requestTimeoutMs: 30_000, connections: usualConnections, ...options };
    this.#agent = new Agent({ keepAlive: true, maxSockets: this.#options.connections });
  }

  /** One page of a list. @throws ApiError, TransientError */
  async list(
    resource: Resource,
    query: { limit: number; continue?: string | undefined; labelSelector?: string | undefined },
    signal?: AbortSignal,
  ): Promise<Page> {
    const path = collectionPath(resource);
    const answer = await this.#call({
      method: 'GET',
      path,
      query: { ...query, limit: String(query.limit) },
      ...(signal && { signal }),
    });
    const { metadata, items } = answer as unknown as {
      metadata: { resourceVersion: string; continue?: string };
      items: Manifest[];
    };
    return {
      // Items of a list do not say what they are.
      items: items.map((item) => ({ ...item, apiVersion: resource.apiVersion, kind: resource.kind })),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue && { next: metadata.continue }),
    };
  }

  /** Resolves when the server ends the stream. @throws ApiError, TransientError when it breaks, stalls or is cut */
  async watch(resource: Resource, options: WatchOptions): Promise<void> {
    const { resourceVersion, labelSelector, timeoutSeconds, signal } = options;
    const response = await this.#open(
      {
        method: 'GET',
        path: collectionPath(resource),
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion,
          labelSelector,
          timeoutSeconds: String(timeoutSeconds),
        },
        signal,
      },
      this.#watchAgent,
    );
    if (response.statusCode !== 200) throw await errorOf(response);
    options.onOpen();
    for await (const line of linesOf(response)) options.onEvent(eventOf(line));
  }

  /** Whether an object bears the name. */
  async isThere(resource: Resource, manifest: Manifest): Promise<boolean> {
    return (await this.#listed(resource, manifest)) !== undefined;
  }

  /** As a list, because the controller may not get single objects. */
  async #listed(resource: Resource, { metadata }: Manifest): Promise<Manifest | undefined> {
    const answer = await this.#call({
      method: 'GET',
      path: collectionPath(resource, metadata.namespace),
      query: { fieldSelector: `metadata.name=${metadata.name}`, limit: '1' },
    });
    return (answer['items'] as Manifest[])[0];
  }

  /** What others posted as warnings about an object, in no order; not all when there are many. */
  async warnings({ metadata }: Manifest): Promise<Manifest[]> {
    const answer = await this.#call({
      method: 'GET',
      path: collectionPath(eventResource, metadata.namespace),
      query: { fieldSelector: `involvedObject.uid=${metadata.uid},type=Warning`, limit: '50' },
    });
    return answer['items'] as Manifest[];
  }

  /** Undefined when there is none. */
  async get(resource: Resource, namespace: string | undefined, name: string): Promise<Manifest | undefined> {
    try {
      return await this.#call({ method: 'GET', path: objectPath(resource, namespace, name) });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * Server-side apply. With `force` fields of others are taken over; without it they are a conflict (ApiError 409).
   * `subresource` is `status`, or absent for the object itself. `observed` is the object as it is, where it is known.
   */
  async apply(
    manifest: Manifest,
    { force, subresource, observed }: { force: boolean; subresource?: 'status'; observed?: Manifest },
  ): Promise<Manifest> {
    if (creationOf(observed?.metadata.managedFields, this.#options.fieldManager))
      await this.#adoptCreation(manifest, observed);
    return (await this.#apply(manifest, force, subresource)).object;
  }

  /**
   * Makes what should not be there yet. When it was, and `isOwn` denies what it has become, it is given back as it was.
   * @throws ApiError 409 when it is somebody else's
   */
  async claim(
    manifest: Manifest,
    isOwn: (object: Manifest, others: ManagedFields[]) => boolean,
  ): Promise<Manifest> {
    try {
      // Half the work for the server of an apply, and it touches nothing that is there.
      return await this.create(manifest);
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
    const { status, object } = await this.#apply(manifest, false);
    const all = object.metadata.managedFields ?? [];
    const others = all.filter(({ manager }) => manager !== this.#options.fieldManager);
    if (status === 201 || isOwn(object, others)) return object;
    const { apiVersion, kind, metadata } = manifest;
    // Whoever applies nothing owns nothing: the server takes out what no other manager set.
    const { name, namespace } = metadata;
    await this.#apply({ apiVersion, kind, metadata: { name, namespace } }, false);
    throw new ApiError(409, 'AlreadyExists', 'others made it');
  }

  /** Or what the next apply leaves out would stay. */
  async #adoptCreation(manifest: Manifest, observed: Manifest | undefined): Promise<void> {
    const { fieldManager } = this.#options;
    const patch = turnIntoApplied(observed?.metadata.managedFields, fieldManager);
    try {
      if (patch) return await this.#patch(manifest, patch);
    } catch (error) {
      // What is observed is not what is there: it must be asked for.
      if (!(error instanceof ApiError && error.status === 422)) throw error;
    }
    const { metadata } = (await this.#listed(resourceOf(manifest), manifest)) ?? {};
    if (!metadata || !creationOf(metadata.managedFields, fieldManager)) return;
    const applied = asApplied(metadata.managedFields!, fieldManager);
    await this.#patch(manifest, [
      // A conflict (409) where somebody was faster.
      { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: applied },
    ]);
  }

  async #patch(manifest: Manifest, operations: object[]): Promise<void> {
    const { name, namespace } = manifest.metadata;
    await this.#call({
      method: 'PATCH',
      path: objectPath(resourceOf(manifest), namespace, name),
      query: { fieldManager: this.#options.fieldManager },
      body: operations,
      contentType: jsonPatch,
    });
  }

  #apply(manifest: Manifest, force: boolean, subresource?: 'status') {
    const { namespace, name } = manifest.metadata;
    const path = objectPath(resourceOf(manifest), namespace, name);
    return this.#send({
      method: 'PATCH',
      path: subresource === undefined ? path : `${path}/${subresource}`,
      query: { fieldManager: this.#options.fieldManager, force: String(force) },
      body: manifest,
      contentType: serverSideApply,
    });
  }

  async create(manifest: Manifest): Promise<Manifest> {
    const path = collectionPath(resourceOf(manifest), manifest.metadata.namespace);
    return this.#call({
      method: 'POST',
      path,
      query: { fieldManager: this.#options.fieldManager },
      body: manifest,
    });
  }

  /** Optimistic: ApiError 409 when somebody else changed it since it was read. */
  async replace(manifest: Manifest): Promise<Manifest> {
    const { namespace, name } = manifest.metadata;
    return this.#call({
      method: 'PUT',
      path: objectPath(resourceOf(manifest), namespace, name),
      query: { fieldManager: this.#options.fieldManager },
      body: manifest,
    });
  }

  /** Deletes exactly the object that was seen; one that is gone, or another of its name, is left alone. */
  async remove(resource: Resource, { metadata }: Manifest): Promise<void> {
    try {
      await this.#call({
        method: 'DELETE',
        path: objectPath(resource, metadata.namespace, metadata.name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          preconditions: { uid: metadata.uid },
        },
      });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      throw error;
    }
  }

  /** Whether the API server knows the kind at all, as for APIs that are installed separately. */
  async isServed({ apiVersion, kind }: Resource): Promise<boolean> {
    try {
      const answer = await this.#call({ method: 'GET', path: apiRoot(apiVersion) });
      return (answer['resources'] as { kind: string }[]).some((each) => each.kind === kind);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#watchAgent.destroy();
  }

  async #call(call: Call): Promise<Manifest> {
    return (await this.#send(call)).object;
  }

  async #send(call: Call): Promise<{ status: number; object: Manifest }> {
    const timeout = AbortSignal.timeout(this.#options.requestTimeoutMs);
    const signal = call.signal ? AbortSignal.any([timeout, call.signal]) : timeout;
    const response = await this.#open({ ...call, signal }, this.#agent);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw await errorOf(response);
    const text = await textOf(response);
    try {
      return { status, object: JSON.parse(text) as Manifest };
    } catch (cause) {
      throw new TransientError(`${call.method} ${call.path}: the answer is no JSON`, { cause });
    }
  }

  async #open(call: Call, agent: Agent): Promise<IncomingMessage> {
    const { method, path, query = {}, body, contentType = 'application/json', signal } = call;
    this.#options.onRequest?.(method, path);
    const url = this.#url(path, query);
    // Asked each time: tokens are renewed on disk or by a program.
    const options: RequestOptions = { method, headers: { accept: 'application/json' } };
    await this.#config.applyToHTTPSOptions(options);
    options.agent = agent;
    if (signal) options.signal = signal;
    const text = body === undefined ? undefined : JSON.stringify(body);
    options.headers = {
      ...(options.headers as Record<string, string>),
      ...(text !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, options, resolve);
      sent.on('error', (cause) =>
        reject(new TransientError(`${method} ${url.host}${path}: ${cause.message}`, { cause })),
      );
      sent.end(text);
    });
  }

  #url(path: string, query: Record<string, string | undefined>): URL {
    const server = this.#config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('the kubeconfig names no current cluster');
    const url = new URL(`${server.replace(/\/$/, '')}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }
}

function apiRoot(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function collectionPath({ apiVersion, plural }: Resource, namespace?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${apiRoot(apiVersion)}${scope}/${plural}`;
}

function objectPath(resource: Resource, namespace: string | undefined, name: string): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new TransientError(`the answer of the API server was cut off: ${(cause as Error).message}`, {
      cause,
    });
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The Status object of the answer, or what else there is. */
async function errorOf(response: IncomingMessage): Promise<ApiError> {
  const status = response.statusCode ?? 0;
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = seconds > 0 ? Math.min(seconds, 600) * 1000 : undefined;
  const text = await textOf(response).catch(() => '');
  try {
    const { reason = '', message = text } = JSON.parse(text) as { reason?: string; message?: string };
    return new ApiError(status, reason, message, retryAfterMs);
  } catch {
    return new ApiError(status, '', `HTTP ${status}: ${text.slice(0, 200)}`, retryAfterMs);
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of response) {
      const pieces = decoder.write(chunk as Buffer).split('\n');
      pieces[0] = rest + pieces[0]!;
      rest = pieces.pop()!;
      if (rest.length > maxLineLength) throw new Error('a line is too long');
      yield* pieces.filter((piece) => piece !== '');
    }
  } catch (cause) {
    throw new TransientError(`the watch was cut off: ${(cause as Error).message}`, { cause });
  }
  if (rest !== '') throw new TransientError('the watch was cut off in the middle of an event');
}

function eventOf(line: string): WatchEvent {
  try {
    return JSON.parse(line) as WatchEvent;
  } catch (cause) {
    throw new TransientError('the watch sent something that is no JSON', { cause });
  }
}
