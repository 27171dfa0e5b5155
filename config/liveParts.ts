// Which parts of a worker's configuration a running worker takes over, and which need new pods: the controller leaves the
// former out of the hash that replaces pods, the host of the functions compares both.
import { canonicalJson } from './task.ts';
import type { StageName, WorkerConfig } from './worker.ts';

/** What is fixed for the life of a process: models, threads, addresses, folders. */
export function fixedPart(config: WorkerConfig): object {
  const { generation: _, ...task } = config.task;
  const { detect, embed, match: _match, cameras: _cameras, shards, models, jetstream, ...common } = config;
  const has = (...stages: StageName[]) => stages.some((stage) => config.stages.includes(stage));
  return {
    ...common,
    task,
    // Leaf nodes come and go with cameras.
    ...(jetstream && { jetstream: { ...jetstream, leaves: undefined } }),
    shards: shards && Object.entries(shards).map(([type, parts]) => [type, parts.map(({ url }) => url)]),
    detect: has('detect') && { threads: detect.threads, model: models.detect },
    embed: has('embed') && { threads: embed.threads },
    // Vectors of different models are never compared: match goes with its embedder.
    embedder: has('embed', 'match') && models.embed,
    // Crops are cut to the size that the embedder takes.
    crops: has('detect') && models.embed?.input,
  };
}

/** What one stage takes of the rest; a stage whose part did not change is not asked. */
export function livePart(config: WorkerConfig, stage: StageName): object {
  const { cameras, detect, embed, match } = config;
  const ids = cameras.map(({ id }) => id);
  switch (stage) {
    case 'ingest':
      return { cameras };
    case 'detect':
      return { ids, params: detect.params };
    case 'embed':
      return { ids, intervalS: embed.intervalS };
    case 'match':
      return { cameras: cameras.map(({ id, source, homography }) => ({ id, source, homography })), match };
    case 'status':
      return { ids };
  }
}

/** Whether two parts are the same, whatever the order of their fields. */
export function isSame(one: object, other: object): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
