// Tracklets as they cross from edge to cloud: rows without field names, because names were a third of all bytes.
// codec.ts packs and unpacks with it; the fields and their meaning are those of config/events.ts.
import { list, record, refuse } from './shape.ts';
import type { Prototype, Tracklet, TrackletsData } from '../../config/events.ts';

const trackletColumns = [
  'track',
  'phase',
  'revision',
  'from',
  'to',
  'observations',
  'path',
  'prototypes',
] as const;
const prototypeColumns = ['slot', 'vector', 'scale', 'quality', 'time', 'weight'] as const;
const most = 10_000;

/** `{camera, model (32 bytes), dimensions, image: [width, height], rows}`; a row has the columns above. */
export function compactTracklets({ camera, model, dimensions, image, tracklets }: TrackletsData): object {
  return {
    camera,
    model: Buffer.from(model, 'hex'),
    dimensions,
    image: [image.width, image.height],
    rows: tracklets.map((tracklet) =>
      trackletColumns.map((column) =>
        column === 'prototypes' ? tracklet.prototypes.map(prototypeRow) : tracklet[column],
      ),
    ),
  };
}

/** Scale and quality have the precision of Float32, which is as good as they are. */
function prototypeRow(prototype: Prototype): unknown[] {
  return prototypeColumns.map((column) =>
    column === 'scale' || column === 'quality' ? Float32Array.of(prototype[column]) : prototype[column],
  );
}

/** The inverse; values are as unchecked as they came. @throws PermanentError when it is no such table */
export function expandTracklets(value: unknown): unknown {
  const { camera, model, dimensions, image, rows } = record(value, 'data');
  const [width, height] = list(image, 'data.image', 2);
  if (!(model instanceof Uint8Array)) refuse('data.model', 'must be bytes');
  const tracklets = list(rows, 'data.rows', most).map((row, i) => {
    const tracklet = named(row, trackletColumns, `data.rows[${i}]`);
    const prototypes = list(tracklet.prototypes, `data.rows[${i}].prototypes`, most);
    return {
      ...tracklet,
      prototypes: prototypes.map((entry, k) => prototypeOf(entry, `data.rows[${i}].prototypes[${k}]`)),
    };
  });
  return {
    camera,
    model: Buffer.from(model).toString('hex'),
    dimensions,
    image: { width, height },
    tracklets,
  };
}

function prototypeOf(row: unknown, path: string): object {
  const prototype = named(row, prototypeColumns, path);
  return { ...prototype, scale: single(prototype.scale), quality: single(prototype.quality) };
}

function single(value: unknown): unknown {
  return value instanceof Float32Array && value.length === 1 ? value[0] : value;
}

function named(row: unknown, columns: readonly (keyof Tracklet | keyof Prototype)[], path: string) {
  const values = list(row, path, columns.length);
  if (values.length !== columns.length)
    refuse(path, `has ${values.length} columns, must be ${columns.join(', ')}`);
  return Object.fromEntries(columns.map((column, i) => [column, values[i]])) as Record<string, unknown>;
}
