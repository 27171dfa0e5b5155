// Resources with one wrong field each, and what the API server must say: where, and what would be right.
const camera = (fields: object) => ({ cameras: [{ id: 'left', source: { uri: 'left.mp4' }, ...fields }] });
const source = (fields: object) => camera({ source: fields });
const detect = (fields: object) => ({ stages: { detect: fields } });
const overlap = (...cameras: string[]) => ({ topology: { overlaps: [{ cameras }] } });
const travel = (fields: object) => ({
  topology: { travelTimes: [{ from: 'left', to: 'right', ...fields }] },
});
const images = (...list: object[]) => ({ targets: [{ name: 'who', images: list }] });
const mask = (points: number[][]) => camera({ mask: [{ name: 'window', points }] });
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `c${index}`, source: { uri: 'a.mp4' } }));

/** What is wrong, the spec, the field that the answer must name, and the words with which it says how to mend it. */
export const badResources: [what: string, spec: object, field: string, words: string][] = [
  ['no camera', { cameras: [] }, 'spec.cameras', 'should have at least 1 items'],
  ['too many cameras', { cameras: many(129) }, 'spec.cameras', 'must have at most 128 items'],
  ['a camera without an id', { cameras: [{ source: {} }] }, 'spec.cameras[0].id', 'Required value'],
  ['a camera without a source', { cameras: [{ id: 'left' }] }, 'spec.cameras[0].source', 'Required value'],
  [
    'two cameras of one id',
    { cameras: [...many(1), ...many(1)] },
    'spec.cameras[1]',
    'Duplicate value: {"id":"c0"}',
  ],
  ['a camera id with capitals', camera({ id: 'Gate' }), 'spec.cameras[0].id', 'lower-case letters, digits'],
  ['a long camera id', camera({ id: 'a'.repeat(64) }), 'spec.cameras[0].id', 'may not be more than 63'],
  ['no pictures a second', camera({ fps: 0 }), 'spec.cameras[0].fps', 'must be at least 0.01'],
  ['too few pictures', camera({ fps: 0.005 }), 'spec.cameras[0].fps', 'greater than or equal to 0.01'],
  [
    'a contact without distance',
    { closeContact: { method: 'Ellipse', distanceMeters: 0 } },
    'spec.closeContact.distanceMeters',
    'must be at least 0.1',
  ],
  ['too many pictures', camera({ fps: 121 }), 'spec.cameras[0].fps', 'less than or equal to 120'],
  ['pictures in words', camera({ fps: 'five' }), 'spec.cameras[0].fps', 'must be of type number'],
  [
    'a homography of three numbers',
    camera({ homography: [1, 0, 0] }),
    'spec.cameras[0].homography',
    'should have at least 9 items',
  ],
  [
    'a mask outside of the picture',
    mask([
      [0, 0],
      [2, 0],
      [1, 1],
    ]),
    'spec.cameras[0].mask[0].points[1][0]',
    'less than or equal to 1',
  ],
  [
    'a mask of two points',
    mask([
      [0, 0],
      [1, 1],
    ]),
    'spec.cameras[0].mask[0].points',
    'should have at least 3 items',
  ],
  [
    'an unknown kind of source',
    source({ type: 'USB' }),
    'spec.cameras[0].source.type',
    'supported values: "RTSP", "HTTP", "File", "Push"',
  ],
  [
    'a time in words',
    source({ uri: 'a.mp4', startTime: 'yesterday' }),
    'spec.cameras[0].source.startTime',
    'must be of type date-time',
  ],
  [
    'a secret without a name',
    source({ uri: 'a.mp4', secretRef: {} }),
    'spec.cameras[0].source.secretRef.name',
    'Required value',
  ],
  [
    'an unknown mode',
    { tracking: { mode: 'All' } },
    'spec.tracking.mode',
    'supported values: "MultiObject", "SingleObject"',
  ],
  [
    'an unknown time mode',
    { timing: { mode: 'Live' } },
    'spec.timing.mode',
    'supported values: "OnTheFly", "History", "Both"',
  ],
  ['no class', { tracking: { classes: [] } }, 'spec.tracking.classes', 'should have at least 1 items'],
  ['an overlap of one camera', overlap('left'), 'spec.topology.overlaps[0].cameras', 'at least 2 items'],
  [
    'a journey before it began',
    travel({ minSeconds: -1 }),
    'spec.topology.travelTimes[0].minSeconds',
    'greater than or equal to 0',
  ],
  ['a target without a picture', images(), 'spec.targets[0].images', 'should have at least 1 items'],
  [
    'a picture from elsewhere',
    images({ url: 'ftp://a/b' }),
    'spec.targets[0].images[0].url',
    'an http:// or https:// address',
  ],
  [
    'a threshold above one',
    { matching: { threshold: 1.5 } },
    'spec.matching.threshold',
    'less than or equal to 1',
  ],
  ['no vote', { matching: { votes: 0 } }, 'spec.matching.votes', 'greater than or equal to 1'],
  ['half a vote', { matching: { votes: 1.5 } }, 'spec.matching.votes', 'must be of type integer'],
  [
    'an unknown contact test',
    { closeContact: { method: 'Guess' } },
    'spec.closeContact.method',
    'supported values: "GroundPlane", "Ellipse"',
  ],
  [
    'a place that is none',
    detect({ placement: 'Moon' }),
    'spec.stages.detect.placement',
    'supported values: "Edge", "Cloud"',
  ],
  ['no replica', detect({ replicas: 0 }), 'spec.stages.detect.replicas', 'greater than or equal to 1'],
  [
    'a parameter in words',
    detect({ params: { x: 'y' } }),
    'spec.stages.detect.params.x',
    'must be of type number',
  ],
  [
    'memory in no unit',
    detect({ resources: { limits: { memory: '1GB' } } }),
    'spec.stages.detect.resources.limits.memory',
    'a quantity such as 500m, 2 or 256Mi',
  ],
  [
    'a digest that is none',
    detect({ modelRef: { name: 'm', uri: 'a', sha256: 'abc', input: { width: 64, height: 64 } } }),
    'spec.stages.detect.modelRef.sha256',
    'the 64 hexadecimal digits that sha256sum prints',
  ],
  [
    'weeks',
    { retention: { results: '1w' } },
    'spec.retention.results',
    'a time span such as 90s, 15m, 12h or 30d',
  ],
  [
    'an unknown egress',
    { privacy: { egress: 'All' } },
    'spec.privacy.egress',
    'supported values: "FeaturesOnly", "CropsAllowed"',
  ],
  [
    'an unknown delivery',
    { delivery: { type: 'MQTT' } },
    'spec.delivery.type',
    'supported values: "HTTP", "Broker"',
  ],
  [
    'a password in the address of NATS',
    { delivery: { type: 'Broker', broker: { url: 'nats://me:secret@hub:4222' } } },
    'spec.delivery.broker.url',
    'such as tls://nats.example:4222, without a password',
  ],
  [
    'a leaf node without address',
    { delivery: { type: 'Broker', broker: { url: 'nats://hub', jetStream: { leaf: {} } } } },
    'spec.delivery.broker.jetStream.leaf.url',
    'Required value',
  ],
  ['an unknown packing', { packing: 'pernode' }, 'spec.packing', 'supported values: "PerStage", "PerNode"'],
  ['an unknown runtime', { runtime: 'Docker' }, 'spec.runtime', 'supported values: "Deployment", "Knative"'],
  ['suspend in words', { suspend: 'yes' }, 'spec.suspend', 'must be of type boolean'],
];

/** Fields that do not exist: strict validation, which kubectl asks for, names them. */
export const unknownFields: [what: string, spec: object, field: string][] = [
  ['a misspelt field', { camera: [] }, 'spec.camera'],
  ['a misspelt stage', { stages: { detekt: {} } }, 'spec.stages.detekt'],
  ['a field at the wrong place', camera({ uri: 'a.mp4' }), 'spec.cameras[0].uri'],
];
