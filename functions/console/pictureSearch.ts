// Searches a run on this machine for a person in a picture, as match does for its task. cli/console.ts gives it to the console.
import type { SearchResult } from '../../config/queries/answers.ts';
import type { WorkerConfig } from '../../config/worker.ts';
import { scopeOf } from '../match/archive.ts';
import { openArchiveAccess } from '../match/archiveAccess.ts';
import { matchSettings } from '../match/options.ts';
import { createPictureVectors } from '../match/pictureVectors.ts';
import type { FoundView } from './types.ts';

export interface PictureSearch {
  /** @throws PermanentError for what is no picture, TransientError while the model cannot be had */
  search(picture: Uint8Array): Promise<FoundView[]>;
  close(): Promise<void>;
}

export const mostFound = 20;
const deadlineMs = 60_000;

/** Undefined when the task has no embedder. @param threadArgv arguments of node for the thread that reads the store */
export function openPictureSearch(
  folder: string,
  worker: WorkerConfig,
  threadArgv?: string[],
): PictureSearch | undefined {
  const { embed } = worker.models;
  if (!embed) return undefined;
  const archive = openArchiveAccess(folder, threadArgv);
  const pictures = createPictureVectors(embed);
  const scope = scopeOf(worker);
  const { onlyTargets } = scope;
  const { threshold } = matchSettings(worker.match, embed);
  return {
    async search(picture) {
      const signal = AbortSignal.timeout(deadlineMs);
      const vectors = [await pictures.vectorOf(picture, signal)];
      const ask = { name: 'search' as const, threshold, onlyTargets, vectors, model: embed.sha256 };
      return foundViews(await archive.ask<SearchResult>(ask, scope, { limit: mostFound }, signal));
    },
    close: () => archive.close(),
  };
}

/** One row a visit, the most similar first. */
export function foundViews({ items }: SearchResult): FoundView[] {
  return items
    .flatMap(({ tracks }) => tracks)
    .map(({ camera, track, identity, from, to, similarity }) => ({
      camera,
      track,
      identity,
      from,
      to,
      similarity,
    }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, mostFound);
}
