// A thread that searches the blocks it is sent; started by gallerySearch.ts.
import { parentPort } from 'node:worker_threads';
import { nearest, type GalleryBlock, type Hit, type QueryVector } from './core/gallery.ts';

export interface Search {
  block: GalleryBlock;
  queries: QueryVector[];
  most: number;
  least: number;
}

export type Found = { hits: Hit[] } | { problem: string };

parentPort?.on('message', ({ block, queries, most, least }: Search) => {
  let found: Found;
  try {
    found = { hits: nearest(block, queries, most, least) };
  } catch (error) {
    found = { problem: String(error) };
  }
  parentPort!.postMessage(found);
});
