// The spec of a MultiEdgeInference: its parts together, and the rules that span several of them.
import { Type, type Static } from '@sinclair/typebox';
import { Camera } from './camera.ts';
import { choice, listMap } from './fields.ts';
import { CloseContact, Matching, Targets } from './matching.ts';
import { Access, Delivery, Privacy, Retention } from './policy.ts';
import { withRules } from './rule.ts';
import { sourceTypeOf } from './source.ts';
import { Stages } from './stages.ts';
import { Timing, Topology, Tracking } from './tracking.ts';

const specFields = Type.Object(
  {
    cameras: listMap(Camera, 'id', { description: 'The cameras.', minItems: 1, maxItems: 128 }),
    tracking: Tracking,
    timing: Timing,
    topology: Topology,
    targets: Targets,
    matching: Matching,
    closeContact: Type.Optional(CloseContact),
    stages: Stages,
    privacy: Privacy,
    retention: Retention,
    delivery: Delivery,
    access: Type.Optional(Access),
    packing: choice(['PerStage', 'PerNode'], {
      description:
        'PerStage runs a worker for each stage; PerNode runs all stages of a node in one worker, for small nodes. ' +
        'The results are the same.',
      default: 'PerStage',
    }),
    runtime: choice(['Deployment', 'Knative'], {
      description:
        'What runs cloud stages; edge stages are always Deployments, and so is match with retention.claimName or storeRef.',
      default: 'Deployment',
    }),
    suspend: Type.Boolean({ description: 'Stops all workers and keeps all results.', default: false }),
  },
  { description: 'What the task shall do.' },
);

type SpecFields = Static<typeof specFields>;

function unknownCamera(spec: SpecFields): (string | number)[] | true {
  const ids = new Set(spec.cameras.map((camera) => camera.id));
  for (const [index, { cameras }] of spec.topology.overlaps.entries()) {
    const position = cameras.findIndex((id) => !ids.has(id));
    if (position >= 0) return ['topology', 'overlaps', index, 'cameras', position];
  }
  for (const [index, { from, to }] of spec.topology.travelTimes.entries()) {
    if (!ids.has(from)) return ['topology', 'travelTimes', index, 'from'];
    if (!ids.has(to)) return ['topology', 'travelTimes', index, 'to'];
  }
  return true;
}

function fileWithoutStart(spec: SpecFields): (string | number)[] | true {
  if (spec.timing.mode === 'OnTheFly') return true;
  const index = spec.cameras.findIndex(
    ({ source }) => sourceTypeOf(source) === 'File' && source.startTime === undefined,
  );
  return index < 0 || ['cameras', index, 'source'];
}

export const Spec = withRules(specFields, [
  {
    // The list of one list gives the ids a name: looking for each id among the cameras would cost more than the server allows.
    rule:
      '[self.cameras.map(c, c.id)].all(ids, self.topology.overlaps.all(o, o.cameras.all(id, id in ids)) && ' +
      'self.topology.travelTimes.all(t, t.from in ids && t.to in ids))',
    message: 'topology names a camera that is not in cameras: use the ids given there',
    check: unknownCamera,
  },
  {
    rule:
      "self.timing.mode == 'OnTheFly' || self.cameras.all(c, has(c.source.startTime) || " +
      "(has(c.source.type) ? c.source.type != 'File' : (!has(c.source.uri) || c.source.uri.matches('^(rtsps?|https?)://'))))",
    message:
      'a file needs source.startTime unless timing.mode is OnTheFly: give the time of its first picture',
    check: fileWithoutStart,
  },
  {
    rule: "self.tracking.mode != 'SingleObject' || size(self.targets) > 0",
    message: 'tracking.mode SingleObject follows only targets: add at least one target with a query image',
    check: (spec) => spec.tracking.mode !== 'SingleObject' || spec.targets.length > 0 || ['tracking', 'mode'],
  },
  {
    rule: "self.stages.embed.placement == 'Edge' || self.privacy.egress == 'CropsAllowed'",
    message:
      'stages.embed.placement Cloud sends crops to the cloud: set privacy.egress: CropsAllowed, or keep embed on the Edge',
    check: (spec) =>
      spec.stages.embed.placement === 'Edge' ||
      spec.privacy.egress === 'CropsAllowed' || ['stages', 'embed', 'placement'],
  },
  {
    rule: "!has(self.closeContact) || self.closeContact.method != 'GroundPlane' || self.cameras.exists(c, has(c.homography))",
    message:
      'closeContact.method GroundPlane needs a camera with a homography: calibrate one, or use method: Ellipse',
    check: (spec) =>
      spec.closeContact?.method !== 'GroundPlane' ||
      spec.cameras.some((camera) => camera.homography !== undefined) || ['closeContact'],
  },
]);

export type Spec = Static<typeof Spec>;
