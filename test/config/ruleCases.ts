// Tasks that break one rule between fields each, beside one that keeps it; the offline tests and those on an API server run them.

const one = (fields: object) => ({ cameras: [{ id: 'left', source: { uri: 'left.mp4' }, ...fields }] });
const source = (fields: object) => ({ cameras: [{ id: 'left', source: fields }] });
const stages = (detect: object) => ({ stages: { detect } });
const own = { uri: 'https://a/b.onnx', sha256: 'a'.repeat(64), input: { width: 640, height: 480 } };
const target = (image: object) => ({ targets: [{ name: 'who', images: [image] }] });
const key = { name: 'pictures', key: 'front.jpg' };
const invertible = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** Beginning of the rule's message, path of the value, a spec that breaks the rule, and one that keeps it. */
export const ruleCases: [message: string, place: string, broken: object, kept: object][] = [
  ['uri is missing', 'spec.cameras[0].source', source({ type: 'RTSP' }), source({ type: 'Push' })],
  [
    'a camera of type Push has no uri',
    'spec.cameras[0].source.uri',
    source({ type: 'Push', uri: 'a.mp4' }),
    source({}),
  ],
  [
    'the uri of an RTSP camera',
    'spec.cameras[0].source.uri',
    source({ type: 'RTSP', uri: 'http://a/' }),
    source({ uri: 'rtsps://a/' }),
  ],
  [
    'the uri of an HTTP camera',
    'spec.cameras[0].source.uri',
    source({ type: 'HTTP', uri: 'rtsp://a/' }),
    source({ uri: 'http://a/' }),
  ],
  [
    'the scheme of uri is not known',
    'spec.cameras[0].source.uri',
    source({ uri: 'ftp://a/' }),
    source({ uri: 'file:///a.mp4' }),
  ],
  [
    'the uri of a File',
    'spec.cameras[0].source.uri',
    source({ type: 'File', uri: 'http://a/' }),
    source({ type: 'File', uri: 'a' }),
  ],
  [
    'uri contains a user name or password',
    'spec.cameras[0].source.uri',
    source({ uri: 'rtsp://me:secret@a/' }),
    source({ uri: 'rtsp://a/x@y' }),
  ],
  [
    'push counts only for a camera',
    'spec.cameras[0].source.push',
    source({ uri: 'http://a/', push: { tokenRef: { name: 'tokens' } } }),
    source({ push: { tokenRef: { name: 'tokens' } } }),
  ],
  [
    'tls counts only for addresses',
    'spec.cameras[0].source.tls',
    source({ uri: 'rtsp://a/', tls: { verification: 'None' } }),
    source({ uri: 'rtsps://a/', tls: { verification: 'None', caRef: { name: 'authority' } } }),
  ],
  [
    'the matrix cannot be inverted',
    'spec.cameras[0].homography',
    one({ homography: [1, 0, 0, 2, 0, 0, 0, 0, 1] }),
    one({ homography: invertible }),
  ],
  [
    'start must lie before end',
    'spec.timing.window.end',
    { timing: { window: { start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:30:00+01:00' } } },
    { timing: { window: { start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:30:00-01:00' } } },
  ],
  [
    'an overlap needs two different cameras',
    'spec.topology.overlaps[0].cameras[1]',
    { topology: { overlaps: [{ cameras: ['left', 'left'] }] } },
    { topology: { overlaps: [{ cameras: ['left', 'right'] }] } },
  ],
  [
    'minSeconds must not be greater',
    'spec.topology.travelTimes[0].minSeconds',
    { topology: { travelTimes: [{ from: 'left', to: 'right', minSeconds: 9, maxSeconds: 3 }] } },
    { topology: { travelTimes: [{ from: 'left', to: 'right', minSeconds: 3, maxSeconds: 3 }] } },
  ],
  [
    'a travel time needs two different cameras',
    'spec.topology.travelTimes[0].to',
    { topology: { travelTimes: [{ from: 'left', to: 'left' }] } },
    { topology: { travelTimes: [{ from: 'left', to: 'right' }] } },
  ],
  [
    'topology names a camera that is not in cameras',
    'spec.topology.overlaps[0].cameras[1]',
    { topology: { overlaps: [{ cameras: ['left', 'middle'] }] } },
    { topology: { overlaps: [{ cameras: ['right', 'left'] }] } },
  ],
  [
    'topology names a camera that is not in cameras',
    'spec.topology.travelTimes[1].from',
    {
      topology: {
        travelTimes: [
          { from: 'left', to: 'right' },
          { from: 'middle', to: 'left' },
        ],
      },
    },
    { topology: { travelTimes: [{ from: 'right', to: 'left' }] } },
  ],
  [
    'a query image needs exactly one',
    'spec.targets[0].images[0]',
    target({ url: 'https://a/b.jpg', file: 'b.jpg' }),
    target({ file: 'b.jpg' }),
  ],
  ['a query image needs exactly one', 'spec.targets[0].images[0]', target({}), target({ secretKeyRef: key })],
  [
    'a query image needs exactly one',
    'spec.targets[0].images[0]',
    target({ secretKeyRef: key, configMapKeyRef: key }),
    target({ configMapKeyRef: key }),
  ],
  [
    'unknownBelow must not be greater',
    'spec.matching.unknownBelow',
    { matching: { threshold: 0.4, unknownBelow: 0.5 } },
    { matching: { unknownBelow: 0.5 } },
  ],
  [
    'a model of your own needs uri, sha256 and input',
    'spec.stages.detect.modelRef',
    stages({ modelRef: { name: 'mine', uri: own.uri } }),
    stages({ modelRef: { name: 'mine', ...own } }),
  ],
  [
    'a model of your own needs uri, sha256 and input',
    'spec.stages.detect.modelRef',
    stages({ modelRef: { name: 'mine', ...own, input: undefined } }),
    stages({ modelRef: { name: 'mine' } }),
  ],
  [
    'operator Exists takes no value',
    'spec.stages.detect.tolerations[0]',
    stages({ tolerations: [{ operator: 'Exists', value: 'a' }] }),
    stages({ tolerations: [{ operator: 'Exists' }] }),
  ],
  [
    'operator Exists takes no value',
    'spec.stages.detect.tolerations[0]',
    stages({ tolerations: [{ value: 'a' }] }),
    stages({ tolerations: [{ key: 'k', value: 'a' }] }),
  ],
  [
    'ingest and detect handle whole pictures',
    'spec.stages.detect.placement',
    stages({ placement: 'Cloud' }),
    stages({ placement: 'Edge' }),
  ],
  [
    'ingest and detect handle whole pictures',
    'spec.stages.ingest.placement',
    { stages: { ingest: { placement: 'Cloud' } } },
    { stages: { match: { placement: 'Edge' } } },
  ],
  [
    'broker counts only with type Broker',
    'spec.delivery.broker',
    { delivery: { broker: {} } },
    { delivery: { type: 'Broker', broker: {} } },
  ],
  [
    'jetStream needs the address of a NATS server',
    'spec.delivery.broker.jetStream',
    { delivery: { type: 'Broker', broker: { jetStream: { replicas: 3 } } } },
    { delivery: { type: 'Broker', broker: { url: 'nats://hub:4222', jetStream: { replicas: 3 } } } },
  ],
  [
    'deadLetterUri is for Knative',
    'spec.delivery.broker.deadLetterUri',
    { delivery: { type: 'Broker', broker: { url: 'nats://hub', deadLetterUri: 'http://a/' } } },
    { delivery: { type: 'Broker', broker: { deadLetterUri: 'http://a/' } } },
  ],
  [
    'a file needs source.startTime',
    'spec.cameras[0].source',
    { timing: { mode: 'History' }, ...source({ uri: 'left.mp4' }) },
    { timing: { mode: 'Both' }, ...source({ uri: 'left.mp4', startTime: '2026-01-01T12:00:00Z' }) },
  ],
  [
    'a file needs source.startTime',
    'spec.cameras[0].source',
    { timing: { mode: 'Both' }, ...source({ type: 'File', uri: 'left.mp4' }) },
    { timing: { mode: 'History' }, ...source({ uri: 'rtsp://a/' }) },
  ],
  [
    'tracking.mode SingleObject follows only targets',
    'spec.tracking.mode',
    { tracking: { mode: 'SingleObject' } },
    { tracking: { mode: 'SingleObject' }, ...target({ file: 'a.jpg' }) },
  ],
  [
    'identities are kept in one place',
    'spec.retention.storeRef',
    { retention: { claimName: 'people', storeRef: { name: 'people-store' } } },
    { retention: { storeName: 'shop', storeRef: { name: 'people-store' } } },
  ],
  [
    'storeName names a store in a claim',
    'spec.retention.storeName',
    { retention: { storeName: 'shop' } },
    { retention: { storeName: 'shop', claimName: 'people' } },
  ],
  [
    'stages.embed.placement Cloud sends crops',
    'spec.stages.embed.placement',
    { stages: { embed: { placement: 'Cloud' } } },
    { stages: { embed: { placement: 'Cloud' } }, privacy: { egress: 'CropsAllowed' } },
  ],
  [
    'closeContact.method GroundPlane needs a camera',
    'spec.closeContact',
    { closeContact: {} },
    { closeContact: { method: 'Ellipse' } },
  ],
  [
    'closeContact.method GroundPlane needs a camera',
    'spec.closeContact',
    { closeContact: {} },
    { closeContact: {}, ...one({ homography: invertible }) },
  ],
];
