// Checks the data of every event type at the edge of a process, so that stages can trust it. codec.ts calls these; functions may too.
import { array, boolean, integer, list, number, oneOf, record, refuse, text } from './shape.ts';
import type {
  CameraReport,
  FrameData,
  IdentitiesData,
  IdentityChange,
  ImageData,
  ReportData,
  StreamData,
  TrackletsData,
  TracksData,
} from '../../config/events.ts';

/** Limits of what is taken from a network. */
export const limits = {
  /** Width and height of a frame or crop, pixels. */
  side: 8192,
  tracks: 10_000,
  crops: 1000,
  tracklets: 10_000,
  pathPoints: 10_000,
  prototypes: 8,
  dimensions: 4096,
  cameras: 1000,
  changes: 10_000,
  /** Of one person who was erased: years of them. */
  names: 100_000,
  erasedTracks: 1_000_000,
  figures: 1000,
  siteModels: 8,
  ways: 64,
  problems: 16,
};

const changeKinds: IdentityChange['kind'][] = ['assigned', 'merged', 'split', 'sighted', 'contact', 'erased'];
const imageTypes = ['image/jpeg', 'image/png', 'image/webp'] as const;
const secondsMost = 1e11;

/** @throws PermanentError with the path of what is wrong; so do all of these. */
export function checkImage(data: unknown): ImageData {
  const image = record(data, 'data');
  text(image.camera, 'subject (the camera)');
  oneOf(image.contentType, 'datacontenttype', imageTypes);
  if (image.time !== undefined) seconds(image.time, 'time');
  if (array(image.bytes, 'data', Uint8Array).length === 0) refuse('data', 'is empty, an image is needed');
  return data as ImageData;
}

export function checkFrame(data: unknown): FrameData {
  const frame = record(data, 'data');
  text(frame.camera, 'data.camera');
  integer(frame.sequence, 'data.sequence', 0);
  seconds(frame.time, 'data.time');
  if (frame.begins !== undefined) boolean(frame.begins, 'data.begins');
  checkPicture(frame, 'data');
  return data as FrameData;
}

export function checkStream(data: unknown): StreamData {
  const stream = record(data, 'data');
  text(stream.camera, 'data.camera');
  oneOf(stream.state, 'data.state', ['ended']);
  seconds(stream.time, 'data.time');
  if (stream.session !== undefined) text(stream.session, 'data.session');
  if (stream.begins !== undefined) boolean(stream.begins, 'data.begins');
  return data as StreamData;
}

export function checkTracks(data: unknown): TracksData {
  const tracks = record(data, 'data');
  text(tracks.camera, 'data.camera');
  text(tracks.session, 'data.session');
  integer(tracks.sequence, 'data.sequence', 0);
  seconds(tracks.time, 'data.time');
  checkSize(tracks, 'data');
  const count = array(tracks.ids, 'data.ids', Uint32Array, { most: limits.tracks, multipleOf: 1 }).length;
  array(tracks.boxes, 'data.boxes', Float32Array, { is: count * 4 });
  array(tracks.scores, 'data.scores', Float32Array, { is: count });
  array(tracks.ended, 'data.ended', Uint32Array, { most: limits.tracks, multipleOf: 1 });
  list(tracks.crops, 'data.crops', limits.crops).forEach((entry, i) => {
    const path = `data.crops[${i}]`;
    const crop = record(entry, path);
    integer(crop.track, `${path}.track`, 0);
    number(crop.quality, `${path}.quality`, 0, 1);
    seconds(crop.time, `${path}.time`);
    checkPicture(crop, path);
  });
  return data as TracksData;
}

export function checkTracklets(data: unknown): TrackletsData {
  const message = record(data, 'data');
  text(message.camera, 'data.camera');
  text(message.model, 'data.model');
  const dimensions = integer(message.dimensions, 'data.dimensions', 1, limits.dimensions);
  const image = record(message.image, 'data.image');
  integer(image.width, 'data.image.width', 1, 65_536);
  integer(image.height, 'data.image.height', 1, 65_536);
  list(message.tracklets, 'data.tracklets', limits.tracklets).forEach((entry, i) => {
    const path = `data.tracklets[${i}]`;
    const tracklet = record(entry, path);
    text(tracklet.track, `${path}.track`);
    oneOf(tracklet.phase, `${path}.phase`, ['start', 'update', 'end']);
    integer(tracklet.revision, `${path}.revision`, 1);
    seconds(tracklet.from, `${path}.from`);
    seconds(tracklet.to, `${path}.to`);
    if ((tracklet.to as number) < (tracklet.from as number)) refuse(`${path}.to`, 'is before from');
    integer(tracklet.observations, `${path}.observations`, 0);
    array(tracklet.path, `${path}.path`, Float32Array, { most: limits.pathPoints * 5, multipleOf: 5 });
    checkPrototypes(tracklet.prototypes, `${path}.prototypes`, dimensions);
  });
  return data as TrackletsData;
}

function checkPrototypes(value: unknown, path: string, dimensions: number) {
  list(value, path, limits.prototypes).forEach((entry, i) => {
    const place = `${path}[${i}]`;
    const prototype = record(entry, place);
    integer(prototype.slot, `${place}.slot`, 0, limits.prototypes - 1);
    array(prototype.vector, `${place}.vector`, Int8Array, { is: dimensions });
    number(prototype.scale, `${place}.scale`, 0);
    number(prototype.quality, `${place}.quality`);
    seconds(prototype.time, `${place}.time`);
    number(prototype.weight, `${place}.weight`, 1);
  });
}

function checkSite(value: unknown) {
  const site = record(value, 'data.output.site');
  const place = 'data.output.site';
  list(site.calibration, `${place}.calibration`, limits.siteModels).forEach((entry, i) => {
    const path = `${place}.calibration[${i}]`;
    const known = record(entry, path);
    text(known.model, `${path}.model`);
    for (const name of ['threshold', 'given'] as const) number(known[name], `${path}.${name}`);
    for (const name of ['differentPairs', 'samePairs'] as const) integer(known[name], `${path}.${name}`, 0);
  });
  list(site.ways, `${place}.ways`, limits.ways).forEach((entry, i) => {
    const path = `${place}.ways[${i}]`;
    const way = record(entry, path);
    for (const name of ['from', 'to'] as const) text(way[name], `${path}.${name}`);
    integer(way.people, `${path}.people`, 0);
    if (way.share !== undefined) number(way.share, `${path}.share`, 0, 1);
    for (const name of ['quickS', 'usualS', 'slowS'] as const) number(way[name], `${path}.${name}`, 0);
  });
  if (site.wayFloor !== undefined) number(site.wayFloor, `${place}.wayFloor`, 0, 1);
  list(site.problems, `${place}.problems`, limits.problems).forEach((problem, i) =>
    checkMessage(problem, `${place}.problems[${i}]`),
  );
}

export function checkIdentities(data: unknown): IdentitiesData {
  const message = record(data, 'data');
  text(message.task, 'data.task');
  text(message.namespace, 'data.namespace');
  list(message.changes, 'data.changes', limits.changes).forEach((entry, i) => {
    const path = `data.changes[${i}]`;
    const change = record(entry, path);
    const kind = oneOf(change.kind, `${path}.kind`, changeKinds);
    text(change.identity, `${path}.identity`);
    seconds(change.time, `${path}.time`);
    if (kind === 'contact') return checkContact(change, path);
    if (kind === 'erased') return checkErased(change, path);
    if (kind === 'assigned' || kind === 'sighted') checkTrack(change, path);
    if (kind === 'assigned') boolean(change.isNew, `${path}.isNew`);
    if (kind === 'merged') text(change.from, `${path}.from`);
    if (kind === 'sighted') text(change.target, `${path}.target`);
    if (kind === 'split') {
      text(change.to, `${path}.to`);
      list(change.tracks, `${path}.tracks`, limits.tracks).forEach((track, j) =>
        checkTrack(record(track, `${path}.tracks[${j}]`), `${path}.tracks[${j}]`),
      );
    }
    for (const name of ['score', 'margin'] as const)
      if (change[name] !== null) number(change[name], `${path}.${name}`);
    if (typeof change.reason !== 'string') refuse(`${path}.reason`, 'must be a text');
  });
  return data as IdentitiesData;
}

export function checkReport(data: unknown): ReportData {
  const report = record(data, 'data');
  for (const name of ['task', 'namespace', 'node', 'worker', 'stage'] as const)
    text(report[name], `data.${name}`);
  integer(report.sequence, 'data.sequence', 0);
  seconds(report.time, 'data.time');
  oneOf(report.phase, 'data.phase', ['Starting', 'Running', 'Completed', 'Failed']);
  if (report.message !== undefined) checkMessage(report.message, 'data.message');
  list(report.cameras, 'data.cameras', limits.cameras).forEach((entry, i) =>
    checkCamera(entry, `data.cameras[${i}]`),
  );
  const figures = Object.entries(record(report.figures, 'data.figures'));
  if (figures.length > limits.figures) refuse('data.figures', `has more than ${limits.figures} entries`);
  for (const [name, value] of figures) number(value, `data.figures.${name}`);
  if (report.output !== undefined) {
    const output = record(report.output, 'data.output');
    if (output.taskInfo !== undefined || output.site === undefined)
      checkTaskInfo(output.taskInfo, 'data.output.taskInfo');
    if (output.site !== undefined) checkSite(output.site);
  }
  return data as ReportData;
}

const cameraStates: CameraReport['state'][] = ['connecting', 'connected', 'reconnecting', 'failed', 'ended'];

function checkCamera(value: unknown, path: string) {
  const camera = record(value, path);
  text(camera.camera, `${path}.camera`);
  oneOf(camera.state, `${path}.state`, cameraStates);
  for (const name of ['fps', 'frames', 'dropped'] as const) number(camera[name], `${path}.${name}`, 0);
  if (camera.progress !== undefined) number(camera.progress, `${path}.progress`, 0, 1);
  if (camera.people !== undefined) number(camera.people, `${path}.people`, 0);
  if (camera.message !== undefined) checkMessage(camera.message, `${path}.message`);
}

function checkTaskInfo(value: unknown, path: string) {
  const info = record(value, path);
  integer(info.trackingObjectNumber, `${path}.trackingObjectNumber`, 0);
  boolean(info.findUnknownObject, `${path}.findUnknownObject`);
  text(info.startTime, `${path}.startTime`);
  text(info.currentTime, `${path}.currentTime`);
}

function checkMessage(value: unknown, path: string) {
  if (typeof value !== 'string' || value.length > 4096)
    refuse(path, 'must be a text of at most 4096 characters');
}

function checkContact(change: Record<string, unknown>, path: string) {
  text(change.other, `${path}.other`);
  const tracks = list(change.tracks, `${path}.tracks`, 2);
  if (tracks.length !== 2) refuse(`${path}.tracks`, 'must be two tracks');
  tracks.forEach((track, i) => checkTrack(record(track, `${path}.tracks[${i}]`), `${path}.tracks[${i}]`));
  seconds(change.from, `${path}.from`);
  seconds(change.to, `${path}.to`);
  number(change.exposureS, `${path}.exposureS`, 0);
  for (const name of ['distanceM', 'deviationM'] as const)
    if (change[name] !== null) number(change[name], `${path}.${name}`, 0);
}

function checkErased(change: Record<string, unknown>, path: string) {
  list(change.names, `${path}.names`, limits.names).forEach((name, i) => text(name, `${path}.names[${i}]`));
  list(change.tracks, `${path}.tracks`, limits.erasedTracks).forEach((track, i) =>
    checkTrack(record(track, `${path}.tracks[${i}]`), `${path}.tracks[${i}]`),
  );
}

function checkTrack(value: Record<string, unknown>, path: string) {
  text(value.camera, `${path}.camera`);
  text(value.track, `${path}.track`);
}

function checkSize(value: Record<string, unknown>, path: string): [width: number, height: number] {
  return [
    integer(value.width, `${path}.width`, 1, limits.side),
    integer(value.height, `${path}.height`, 1, limits.side),
  ];
}

function checkPicture(value: Record<string, unknown>, path: string) {
  const [width, height] = checkSize(value, path);
  array(value.pixels, `${path}.pixels`, Uint8Array, { is: width * height * 3 });
}

function seconds(value: unknown, path: string) {
  number(value, path, -secondsMost, secondsMost);
}
