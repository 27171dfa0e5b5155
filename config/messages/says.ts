// Writes one row of the list of log messages; the lists beside this file are made of it.
import type { Level, MessageEntry } from '../messages.ts';

/** @param keys names between spaces */
export function says(level: Level, keys: string, meaning: string): MessageEntry {
  return { level, keys: keys === '' ? [] : keys.split(' '), meaning };
}
