// Writes one row of the list of log messages; the lists beside this file are made of it.

type Level = 'debug' | 'info' | 'warn' | 'error';

export interface MessageEntry {
  level: Level;
  /** The keys of its line, besides those of every line. */
  keys: readonly string[];
  /** What it means, and what to do where something is to be done. */
  meaning: string;
}

/** @param keys names between spaces */
export function says(level: Level, keys: string, meaning: string): MessageEntry {
  return { level, keys: keys === '' ? [] : keys.split(' '), meaning };
}
