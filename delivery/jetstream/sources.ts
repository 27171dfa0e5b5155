// Makes a hub go on taking over what leaf nodes store: receiver.ts looks now and then.
import { jetstreamManager } from '@nats-io/jetstream';
import { domainOfSource } from './stream.ts';
import type { StreamInfo, StreamSourceInfo } from '@nats-io/jetstream';
import type { Connected } from './link.ts';

/** The client's types leave out where it is. */
type AskedSource = StreamSourceInfo & { external?: { api: string } };

/** The server hears from each source once a second. */
const silentNs = 5e9;
const answerMs = 1000;

/**
 * A hub that starts asks its leaf nodes before they have dialled in, and again only after most of a minute; the same when the stream of
 * a leaf node is made after the hub's. A source that is silent although its leaf node answers is taken out and put in again, which
 * makes the server ask at once; it goes on behind the newest event that it has of it.
 * @returns domains that were asked again
 */
export async function wakeSources(connected: Connected, stream: StreamInfo): Promise<string[]> {
  const { admin } = connected;
  const sources: AskedSource[] = stream.sources ?? [];
  const silent = sources.filter(({ active }) => active < 0 || active > silentNs);
  const domains = silent.flatMap(({ external }) => domainOfSource(external) ?? []);
  const woken: string[] = [];
  for (const domain of domains) {
    if (!(await answers(connected, domain, stream.config.name))) continue;
    const { config } = await admin.streams.info(stream.config.name);
    const { sources: all = [] } = config;
    const others = all.filter(({ external }) => domainOfSource(external) !== domain);
    await admin.streams.update(config.name, { ...config, sources: others });
    await admin.streams.update(config.name, { ...config, sources: all });
    woken.push(domain);
  }
  return woken;
}

async function answers({ connection }: Connected, domain: string, stream: string): Promise<boolean> {
  try {
    const leaf = await jetstreamManager(connection, { domain, timeout: answerMs, checkAPI: false });
    await leaf.streams.info(stream);
    return true;
  } catch {
    return false;
  }
}
