// One camera of the resource: its source, its node, its calibration and the zones nobody may see.
import { Type, type Static } from '@sinclair/typebox';
import { atomicList, label, listMap, objectName } from './fields.ts';
import { withRules } from './rule.ts';
import { Source } from './source.ts';

const Fraction = Type.Number({
  description: 'Fraction of the width (first) or height (second) of the image.',
  minimum: 0,
  maximum: 1,
});

const MaskZone = Type.Object(
  {
    name: label({ description: 'Name of the zone, unique within the camera.' }),
    points: atomicList(
      atomicList(Fraction, {
        description: 'A corner: x and y as fractions of the image.',
        minItems: 2,
        maxItems: 2,
      }),
      {
        description: 'Corners of a polygon, each [x, y] as fractions of the image.',
        minItems: 3,
        maxItems: 64,
      },
    ),
  },
  { description: 'A polygon that is blanked before anything else sees the picture.' },
);

const Homography = withRules(
  atomicList(Type.Number({ description: 'One entry of the matrix.' }), {
    description:
      'Image (pixels) to ground plane (metres): a 3 x 3 matrix as nine numbers, row by row. It makes foot points of ' +
      'different cameras comparable.',
    minItems: 9,
    maxItems: 9,
  }),
  [
    {
      rule:
        'self[0] * (self[4] * self[8] - self[5] * self[7]) - self[1] * (self[3] * self[8] - self[5] * self[6]) + ' +
        'self[2] * (self[3] * self[7] - self[4] * self[6]) != 0.0',
      message: 'the matrix cannot be inverted (its determinant is 0): calibrate the camera again',
      check: (matrix) => determinant(matrix) !== 0,
    },
  ],
);

function determinant(matrix: number[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = matrix;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

export const Camera = Type.Object(
  {
    id: label({ description: 'Name of the camera, unique within the task; results and events carry it.' }),
    source: Source,
    fps: Type.Optional(
      Type.Number({
        description:
          'At most so many pictures a second are analysed. When left out: all that the node can do.',
        minimum: 0.01,
        maximum: 120,
      }),
    ),
    node: Type.Optional(
      objectName({
        description: 'Node that serves the camera. When left out, the node selector of the stages decides.',
      }),
    ),
    homography: Type.Optional(Homography),
    mask: listMap(MaskZone, 'name', { description: 'Zones that are blanked.', default: [], maxItems: 16 }),
  },
  { description: 'One camera.' },
);

export type Camera = Static<typeof Camera>;
