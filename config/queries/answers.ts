// What match answers to whoever asks it about people, as schemas: config/queries/openapi.ts documents them, functions/match gives
// them, cli and console show them. Times are seconds since the epoch.
import { Type, type Static, type TSchema } from '@sinclair/typebox';

const time = (description: string) =>
  Type.Number({ description: `${description}, seconds since the epoch.` });
const text = (description: string) => Type.String({ description });
const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const count = (description: string) => Type.Integer({ description, minimum: 0 });

const similarity = nullable(
  Type.Number({ description: 'Similarity at the decision, -1..1; null: nothing was comparable.' }),
);
const lead = nullable(Type.Number({ description: 'Lead over the next best; null: there was none.' }));

const next = Type.Optional(
  Type.String({ description: 'Give it as `after` to go on; absent: there is no more.' }),
);

/** Where a person walked in one camera: five numbers a point, as tracklets carry them. */
export const PathPoint = Type.Object(
  {
    time: time('Moment'),
    x: Type.Number({ description: 'Middle of the feet, fraction of the width of the picture.' }),
    y: Type.Number({ description: 'Feet, fraction of the height of the picture.' }),
    width: Type.Number({ description: 'Of the person, fraction of the width.' }),
    height: Type.Number({ description: 'Of the person, fraction of the height.' }),
  },
  { $id: 'PathPoint', description: 'Where a person was in the picture; about one a second.' },
);

export const Track = Type.Object(
  {
    camera: text('Id of the camera.'),
    track: text('Unique within the camera, for ever.'),
    identity: nullable(text('Who it is; null: not decided yet.')),
    from: time('First seen'),
    to: time('Last seen'),
    observations: count('Pictures in which the person was seen.'),
    ended: Type.Boolean({ description: 'Whether the person has left the view.' }),
    score: similarity,
    margin: lead,
    reason: nullable(text('Why it is this person, in a sentence.')),
    path: Type.Optional(
      Type.Array(Type.Ref('PathPoint'), { description: 'By time; only where it was asked for.' }),
    ),
  },
  { $id: 'Track', description: 'One person in one camera, from coming to leaving.' },
);

export const Identity = Type.Object(
  {
    identity: text('Name of the person.'),
    targets: Type.Array(Type.String(), { description: 'Targets that the person was recognised as.' }),
    firstSeen: time('First seen'),
    lastSeen: time('Last seen'),
    cameras: Type.Array(Type.String(), { description: 'Cameras that saw the person, by name.' }),
    tracks: count('Tracks of the person.'),
  },
  { $id: 'Identity', description: 'One person, of the tracks that lie within the times asked for.' },
);

export const Identities = Type.Object(
  { items: Type.Array(Type.Ref('Identity')), next },
  { $id: 'Identities', description: 'First seen first.' },
);

export const Whereabouts = Type.Object(
  {
    identity: text('Name of the person.'),
    targets: Type.Array(Type.String(), { description: 'Targets that the person was recognised as.' }),
    items: Type.Array(Type.Ref('Track')),
    next,
  },
  { $id: 'Whereabouts', description: 'Where one person was, by time.' },
);

export const Tracks = Type.Object(
  { items: Type.Array(Type.Ref('Track')), next },
  { $id: 'Tracks', description: 'By time.' },
);

export const Sighting = Type.Object(
  {
    target: text('Name of the target.'),
    identity: text('Name of the person.'),
    camera: text('Id of the camera.'),
    track: text('Track in that camera.'),
    from: time('First seen'),
    to: time('Last seen'),
    score: similarity,
    margin: lead,
    reason: text('Why it is the target, in a sentence.'),
  },
  { $id: 'Sighting', description: 'A target was seen.' },
);

export const Sightings = Type.Object(
  { items: Type.Array(Type.Ref('Sighting')), next },
  { $id: 'Sightings', description: 'By time.' },
);

export const Contact = Type.Object(
  {
    identities: Type.Array(Type.String(), { minItems: 2, maxItems: 2, description: 'The two people.' }),
    tracks: Type.Array(Type.Object({ camera: Type.String(), track: Type.String() }), {
      minItems: 2,
      maxItems: 2,
      description: 'Their tracks, in the same order.',
    }),
    from: time('Beginning'),
    to: time('End'),
    exposureS: Type.Number({ description: 'Time in contact, seconds.' }),
    distanceM: nullable(Type.Number({ description: 'Least distance, metres; null without calibration.' })),
    deviationM: nullable(Type.Number({ description: 'Its standard deviation, metres.' })),
  },
  { $id: 'Contact', description: 'Two people were close, as one pair of tracks shows it.' },
);

export const Contacts = Type.Object(
  { items: Type.Array(Type.Ref('Contact')), next },
  { $id: 'Contacts', description: 'By time.' },
);

export const Found = Type.Object(
  {
    identity: nullable(text('Who it is; null: a track without identity.')),
    score: Type.Number({ description: 'Similarity of the most similar pair of vectors, -1..1.' }),
    isSame: Type.Boolean({ description: 'Whether the task would call it the same person.' }),
    tracks: Type.Array(Type.Intersect([Type.Ref('Track'), Type.Object({ similarity: Type.Number() })]), {
      description: 'Those that were similar, most similar first.',
    }),
  },
  { $id: 'Found', description: 'A person who looks like the one asked for.' },
);

export const SearchResult = Type.Object(
  {
    items: Type.Array(Type.Ref('Found')),
    compared: count('Tracks that were compared.'),
    model: text('Digest of the embedder whose vectors were compared.'),
  },
  { $id: 'SearchResult', description: 'Most similar first.' },
);

export const SearchRequest = Type.Union(
  [
    Type.Object({
      vector: Type.Array(Type.Number(), {
        minItems: 1,
        maxItems: 4096,
        description: 'As the embedder gives it.',
      }),
      model: Type.Optional(text('Digest of the embedder; absent: that of the task.')),
    }),
    Type.Object({ camera: text('Id of a camera.'), track: text('A track of it: who looks like it?') }),
  ],
  { $id: 'SearchRequest', description: 'Whom to look for: a vector, or a track of the store.' },
);

export const TargetView = Type.Object(
  {
    target: text('Name of the target.'),
    images: Type.Array(Type.String(), { description: 'Digests (sha256) of pictures that were given here.' }),
    isInTask: Type.Boolean({ description: 'Whether the task names pictures of it too.' }),
  },
  { $id: 'Target', description: 'A person who is looked for.' },
);

export const Targets = Type.Object({ items: Type.Array(Type.Ref('Target')) }, { $id: 'Targets' });

export const Erased = Type.Object(
  {
    identity: text('Name of the person.'),
    names: Type.Array(Type.String(), { description: 'Names that the person had before as well.' }),
    tracks: count('Tracks that were erased.'),
    vectors: count('Vectors that were erased.'),
    pictures: count('Query pictures whose vectors were erased.'),
    targets: Type.Array(Type.String(), {
      description: 'Targets of the task that are pictures of this person: remove them from the task.',
    }),
  },
  { $id: 'Erased', description: 'What was erased of a person.' },
);

export const StoreStatus = Type.Object(
  {
    task: text('Name of the task.'),
    namespace: text('Its namespace.'),
    from: nullable(time('First moment that is known')),
    to: nullable(time('Last moment that is known')),
    tracks: count('Tracks that are kept.'),
    identities: count('People that are kept.'),
    cameras: Type.Array(Type.String()),
    targets: Type.Array(Type.String()),
    model: nullable(text('Digest of the embedder.')),
    threshold: Type.Number({ description: 'Similarity from which the task calls two the same person.' }),
    window: Type.Object(
      { start: Type.Optional(Type.Number()), end: Type.Optional(Type.Number()) },
      { description: 'timing.window of the task: nothing outside of it is answered.' },
    ),
    pictureSearch: Type.Boolean({ description: 'Whether pictures can be searched for.' }),
    retention: Type.Object({
      resultsS: Type.Optional(Type.Number()),
      vectorsS: Type.Optional(Type.Number()),
    }),
  },
  { $id: 'StoreStatus', description: 'What can be asked about.' },
);

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: text('What is wrong and what to do, in a line.'),
  },
  { $id: 'Problem', description: 'A refusal (RFC 9457).' },
);

export type PathPoint = Static<typeof PathPoint>;
export type Track = Omit<Static<typeof Track>, 'path'> & { path?: PathPoint[] };
export type Identity = Static<typeof Identity>;
export type Sighting = Static<typeof Sighting>;
export type Contact = Static<typeof Contact>;
export type TargetView = Static<typeof TargetView>;
export type Erased = Static<typeof Erased>;
export type StoreStatus = Static<typeof StoreStatus>;
export type SearchRequest = Static<typeof SearchRequest>;
export type Found = Omit<Static<typeof Found>, 'tracks'> & { tracks: (Track & { similarity: number })[] };
export type SearchResult = Omit<Static<typeof SearchResult>, 'items'> & { items: Found[] };

/** A part of a list, and where it goes on. */
export interface Page<T> {
  items: T[];
  next?: string;
}
export type Whereabouts = Page<Track> & { identity: string; targets: string[] };

export const answerSchemas = [
  StoreStatus,
  Identities,
  Identity,
  Whereabouts,
  Tracks,
  Track,
  PathPoint,
  Sightings,
  Sighting,
  Contacts,
  Contact,
  SearchRequest,
  SearchResult,
  Found,
  Targets,
  TargetView,
  Erased,
  Problem,
];
