// Who reads a store that an earlier version has written hears so, until it was brought up to date.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import Database from 'libsql';
import { TransientError } from '../../../functions/function.ts';
import { bringUpToDate, openReader } from '../../../functions/match/reader.ts';
import { openStore, storeFileName } from '../../../functions/match/store.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'match-reader-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As the version before the last one left it. */
function age(): void {
  openStore(folder).close();
  const database = new Database(join(folder, storeFileName));
  const added = ['names', 'forgotten', 'target_pictures', 'erasures'].map((name) => `DROP TABLE ${name};`);
  const indexes = ['tracks_by_start', 'contacts_by_other', 'sightings_by_track', 'prototypes_by_time'];
  const dropped = [...indexes, 'events_by_time'].map((name) => `DROP INDEX ${name};`);
  database.exec(`${added.join(' ')} ${dropped.join(' ')} PRAGMA user_version = 5;`);
  database.close();
}

test('nothing is read where nothing is stored', () => {
  expect(openReader(folder)).toBeUndefined();
});

test('a store of an earlier version is named, and read once it was brought up to date', () => {
  age();
  expect(() => openReader(folder)).toThrow(TransientError);
  expect(() => openReader(folder)).toThrow(/identities\.db is of another version: .* brings it up to date/);
  bringUpToDate(folder);
  const database = openReader(folder)!;
  expect(database.prepare('SELECT count(*) AS count FROM names').get()).toMatchObject({ count: 0 });
  database.close();
});

test('a store of a newer version is refused', () => {
  openStore(folder).close();
  const database = new Database(join(folder, storeFileName));
  database.exec('PRAGMA user_version = 99;');
  database.close();
  expect(() => bringUpToDate(folder)).toThrow(/written by a newer version/);
});
