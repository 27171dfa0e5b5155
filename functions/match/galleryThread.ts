// A thread that searches the blocks it is sent; started by gallerySearch.ts.
import { parentPort } from 'node:worker_threads';
import type { QuantizedVector } from '../../config/quantize.ts';
import { nearest, type GalleryBlock, type Hit } from './core/gallery.ts';

export interface Search {
  block: GalleryBlock;
  queries: QuantizedVector[];
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
