// Who of a store on a server looks like a vector: the server compares every vector of the time asked for, so that none of them
// travels. The scores are those of resemblance.ts to the last bit: all products are whole numbers. archiveThread.ts asks it.
import { PermanentError } from '../function.ts';
import type { Values } from '../../config/queries/questions.ts';
import type { QuantizedVector } from '../../config/quantize.ts';
import { isTarget, type Archive } from './archive.ts';
import type { VectorColumn } from './postgresVectors.ts';
import { leastOf, queriesOf, type Likeness, type PartResult } from './resemblance.ts';

/** @throws PermanentError when the vectors have another length than those of the store */
export function resemblingOnServer(
  archive: Archive,
  column: VectorColumn,
  likeness: Likeness,
  asked: Values,
): PartResult {
  const { model, onlyTargets } = likeness;
  const queries = queriesOf(likeness);
  checkLength(archive, model, queries);
  const { where, values } = archive.within(asked, 'tracks.');
  if (onlyTargets) where.push(`tracks.${isTarget}`);
  const score = scoreOf(queries, column);
  // All of them are counted, and only the best travel.
  const rows = archive.all<PartResult['hits'][number] & { compared: number }>(
    `WITH scores AS (
       SELECT tracks.camera AS camera, tracks.track AS track, tracks.first_seen AS first_seen, max(${score.sql}) AS score
       FROM tracks JOIN prototypes ON prototypes.camera = tracks.camera AND prototypes.track = tracks.track
       WHERE ${['tracks.model = ?', ...where].join(' AND ')} GROUP BY tracks.camera, tracks.track)
     SELECT camera, track, first_seen AS "from", score, (SELECT count(*) FROM scores) AS compared FROM scores
     ORDER BY score DESC, first_seen, camera, track LIMIT ?`,
    ...score.values,
    model,
    ...values,
    Math.max(1, asked['limit'] as number),
  );
  const least = leastOf(likeness, asked);
  const hits = rows
    .filter((row) => row.score >= least)
    .map(({ camera, track, from, score: value }) => ({ camera, track, from, score: value }));
  return { hits, compared: rows[0]?.compared ?? 0, model };
}

/** The best of all vectors that are looked for. The operator gives the product with the other sign. */
function scoreOf(
  queries: readonly QuantizedVector[],
  { schema, type }: VectorColumn,
): { sql: string; values: unknown[] } {
  const one = `-(embedding OPERATOR(${schema}.<#>) ?::${schema}.${type}) * ?::float8 * scale::real`;
  const all = queries.map(() => one);
  return {
    sql: all.length === 1 ? one : `greatest(${all.join(', ')})`,
    values: queries.flatMap(({ vector, scale }) => [`[${vector.join(',')}]`, scale]),
  };
}

function checkLength(archive: Archive, model: string, queries: readonly QuantizedVector[]): void {
  const [row] = archive.all<{ length: number }>(
    `SELECT octet_length(vector) AS length FROM prototypes JOIN tracks USING (camera, track) WHERE model = ? LIMIT 1`,
    model,
  );
  const other = row && queries.find(({ vector }) => vector.length !== row.length);
  if (other)
    throw new PermanentError(
      `the vector has ${other.vector.length} numbers, those of this embedder have ${row.length}`,
    );
}
