// The questions that match answers over HTTP, one row each: functions/match/queries.ts answers them, config/queries/openapi.ts
// documents them, functions/host asks for the role.

export type Role = 'view' | 'operate';

export interface Parameter {
  name: string;
  in: 'path' | 'query';
  description: string;
  /** time: seconds since the epoch or RFC 3339. */
  type: 'text' | 'time' | 'whole' | 'number' | 'yes';
  minimum?: number;
  maximum?: number;
  otherwise?: number;
}

export interface Route {
  id: QuestionName;
  method: 'GET' | 'POST' | 'DELETE';
  /** Below `/api`, parameters in braces. */
  path: string;
  summary: string;
  role: Role;
  parameters: readonly Parameter[];
  /** What a body may be. */
  takes?: 'picture' | 'picture or JSON';
  /** Name of the schema of the answer. */
  gives: string;
}

export type QuestionName =
  | 'status'
  | 'identities'
  | 'identity'
  | 'tracks'
  | 'track'
  | 'sightings'
  | 'contacts'
  | 'search'
  | 'targets'
  | 'addTargetImage'
  | 'removeTarget'
  | 'erase';

/** Rows of one answer at most; more come with `after`. */
export const mostRows = 1000;
export const mostPictureBytes = 4 * 2 ** 20;

const inPath = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  type: 'text',
  description,
});
const query = (name: string, type: Parameter['type'], description: string, more: Partial<Parameter> = {}) =>
  ({ name, in: 'query', type, description, ...more }) satisfies Parameter;

const times = [
  query(
    'from',
    'time',
    'Only what was still seen at or after this time: seconds since the epoch, or RFC 3339.',
  ),
  query('to', 'time', 'Only what was seen at or before this time.'),
];
const paging = [
  query('limit', 'whole', 'Rows at most.', { minimum: 1, maximum: mostRows, otherwise: 100 }),
  query('after', 'text', '`next` of the answer before.'),
];
const camera = query('camera', 'text', 'Only this camera.');
const path = query('path', 'yes', 'With the points where the person was, where they are stored.');

export const routes: readonly Route[] = [
  {
    id: 'status',
    method: 'GET',
    path: '/status',
    summary: 'What can be asked about',
    role: 'view',
    parameters: [],
    gives: 'StoreStatus',
  },
  {
    id: 'identities',
    method: 'GET',
    path: '/identities',
    summary: 'Who was there',
    role: 'view',
    parameters: [
      ...times,
      camera,
      query('target', 'text', 'Only who was recognised as this target.'),
      ...paging,
    ],
    gives: 'Identities',
  },
  {
    id: 'identity',
    method: 'GET',
    path: '/identities/{identity}',
    summary: 'Where was this person',
    role: 'view',
    parameters: [inPath('identity', 'Name of the person.'), ...times, camera, path, ...paging],
    gives: 'Whereabouts',
  },
  {
    id: 'erase',
    method: 'DELETE',
    path: '/identities/{identity}',
    summary: 'Erase a person everywhere, for good',
    role: 'operate',
    parameters: [inPath('identity', 'Name of the person.')],
    gives: 'Erased',
  },
  {
    id: 'tracks',
    method: 'GET',
    path: '/tracks',
    summary: 'Who was seen by which camera, one row for each coming and leaving',
    role: 'view',
    parameters: [...times, camera, path, ...paging],
    gives: 'Tracks',
  },
  {
    id: 'track',
    method: 'GET',
    path: '/tracks/{camera}/{track}',
    summary: 'One track, and whose it is',
    role: 'view',
    parameters: [inPath('camera', 'Id of the camera.'), inPath('track', 'Name of the track.'), path],
    gives: 'Track',
  },
  {
    id: 'sightings',
    method: 'GET',
    path: '/sightings',
    summary: 'Where targets were seen',
    role: 'view',
    parameters: [...times, camera, query('target', 'text', 'Only this target.'), ...paging],
    gives: 'Sightings',
  },
  {
    id: 'contacts',
    method: 'GET',
    path: '/contacts',
    summary: 'Who came close to whom',
    role: 'view',
    parameters: [
      ...times,
      query('identity', 'text', 'Only contacts of this person.'),
      query('minimumS', 'number', 'Shorter ones are left out.', { minimum: 0, maximum: 86400, otherwise: 0 }),
      ...paging,
    ],
    gives: 'Contacts',
  },
  {
    id: 'search',
    method: 'POST',
    path: '/search',
    summary: 'Who looks like this picture, vector or track',
    role: 'view',
    parameters: [
      ...times,
      camera,
      query(
        'least',
        'number',
        'Less similar tracks are left out; absent: nine tenths of the threshold of the task.',
        {
          minimum: -1,
          maximum: 1,
        },
      ),
      query('limit', 'whole', 'Tracks at most.', { minimum: 1, maximum: mostRows, otherwise: 100 }),
    ],
    takes: 'picture or JSON',
    gives: 'SearchResult',
  },
  {
    id: 'targets',
    method: 'GET',
    path: '/targets',
    summary: 'Who is looked for',
    role: 'view',
    parameters: [],
    gives: 'Targets',
  },
  {
    id: 'addTargetImage',
    method: 'POST',
    path: '/targets/{target}/images',
    summary: 'Look for the person in this picture from now on, and among those who are remembered',
    role: 'operate',
    parameters: [inPath('target', 'Name of the target; new or known.')],
    takes: 'picture',
    gives: 'Target',
  },
  {
    id: 'removeTarget',
    method: 'DELETE',
    path: '/targets/{target}',
    summary: 'Forget the pictures of a target that were given here',
    role: 'operate',
    parameters: [inPath('target', 'Name of the target.')],
    gives: 'Target',
  },
];
