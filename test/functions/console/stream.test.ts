// The stream of changes over HTTP: what a browser that comes back is told, what foreign pages are, and the bounds.
import { afterEach, expect, test } from '@jest/globals';
import { serveConsole, type ConsoleServer } from '../../../functions/console/server.ts';
import type { ConsoleSource } from '../../../functions/console/source.ts';
import type { ChangeView, TaskView } from '../../../functions/console/types.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
let server: ConsoleServer | undefined;
afterEach(async () => server?.close());

/** A task with announcements `oldest` to `newest`. */
function sourceWith(oldest: number, newest: () => number): ConsoleSource {
  const all = (): ChangeView[] =>
    Array.from({ length: Math.max(0, newest() - oldest + 1) }, (_each, i) => ({
      sequence: oldest + i,
      changes: [],
    }));
  return {
    taskName: 'shop',
    task: async () => ({ name: 'shop' }) as TaskView,
    identities: () => ({ identities: [], truncated: false }),
    contacts: () => [],
    changesAfter: (sequence, most) =>
      all()
        .filter((change) => change.sequence > sequence)
        .slice(0, most),
    sequences: () => ({ oldest, newest: newest() }),
    motion: () => [],
    picture: () => undefined,
    recording: () => undefined,
    close: quiet,
  };
}

async function start(source: ConsoleSource, stream = {}): Promise<string> {
  server = await serveConsole(
    { source, log, stream: { intervalMs: 20, heartbeatMs: 40, replayed: 5, ...stream } },
    { port: 0, host: '127.0.0.1' },
  );
  return `${server.url}api/`;
}

/** Names and ids of the events until `enough` says so. */
async function listen(
  url: string,
  lastId: string | undefined,
  enough: (seen: string[]) => boolean,
): Promise<string[]> {
  const over = new AbortController();
  const deadline = setTimeout(() => over.abort(new Error(`too late: ${seen.join()}`)), 10_000);
  const seen: string[] = [];
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
  const answer = await fetch(`${url}stream`, { headers, signal: over.signal });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (const block of text.split('\n\n').slice(0, -1)) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      if (name !== undefined) seen.push(`${name} ${/^id: (.*)$/m.exec(block)?.[1] ?? '-'}`);
    }
    text = text.slice(text.lastIndexOf('\n\n') + 2);
    if (enough(seen)) break;
  }
  clearTimeout(deadline);
  over.abort();
  return seen;
}

test.each([
  ['a new browser learns where it begins', undefined, ['hello 9']],
  ['who was away gets what it missed', '7', ['changes 8', 'changes 9', 'resumed -']],
  ['who missed nothing hears that', '9', ['resumed -']],
  ['who missed more than is sent again begins anew', '3', ['reset 9']],
  ['numbers of another store begin anew', '12', ['reset 9']],
  ['nonsense begins anew', 'x', ['reset 9']],
])('%s', async (_what, lastId, expected) => {
  const url = await start(sourceWith(1, () => 9));
  const seen = await listen(url, lastId, (all) => all.includes('task -'));
  expect(seen).toEqual([...expected, 'task -']);
});

test('announcements that are kept no more make it begin anew', async () => {
  const url = await start(sourceWith(8, () => 9));
  expect((await listen(url, '2', (all) => all.length > 0))[0]).toBe('reset 9');
});

test('what is announced while it listens comes once, in order', async () => {
  let newest = 2;
  const url = await start(sourceWith(1, () => newest));
  const seen = await listen(url, undefined, (all) => {
    if (all.includes('task -') && newest < 5) newest += 1;
    return all.includes('changes 5');
  });
  expect(seen.filter((each) => each.startsWith('changes'))).toEqual(['changes 3', 'changes 4', 'changes 5']);
});

test('more browsers than may be open are refused', async () => {
  const url = await start(
    sourceWith(1, () => 1),
    { clients: 1 },
  );
  const over = new AbortController();
  const first = await fetch(`${url}stream`, { signal: over.signal });
  expect(first.status).toBe(200);
  expect((await fetch(`${url}stream`)).status).toBe(429);
  over.abort();
});

test.each([
  [{ origin: 'http://evil.example' }, 403],
  [{ 'sec-fetch-site': 'cross-site' }, 403],
  [{}, 404],
])('a page with %j that wants to change something gets %i', async (headers, status) => {
  const url = await start(sourceWith(1, () => 1));
  expect((await fetch(`${url}stop`, { method: 'POST', headers })).status).toBe(status);
});
