// Who came close to whom: walkers on a plan whose pixels are centimetres.
import { expect, test } from '@jest/globals';
import {
  createContacts,
  type Contact,
  type ContactOptions,
} from '../../../../functions/match/core/contacts.ts';
import type { Revision } from '../../../../functions/match/core/revise.ts';

const image = { width: 1000, height: 1000 };
const start = 1_700_000_000;
const plan = [0.01, 0, 0, 0, 0.01, 0, 0, 0, 1];
const options: ContactOptions = {
  method: 'GroundPlane',
  distanceM: 1.8,
  homographies: new Map([
    ['a', plan],
    ['b', plan],
  ]),
};

type Walk = (second: number) => { x: number; y: number } | undefined;

/** A track's revisions of five seconds each; metres on the plan, one point a second. */
function walked(camera: string, track: string, walk: Walk, seconds: number, height = 100): Revision[] {
  const revisions: Revision[] = [];
  let points: number[] = [];
  for (let second = 0; second <= seconds; second++) {
    const place = walk(second);
    if (place) points.push(second, place.x / 10, place.y / 10, 0.05, height / 1000);
    if (points.length === 0 || (second % 5 !== 4 && second !== seconds)) continue;
    revisions.push({
      camera,
      model: 'm',
      image,
      tracklet: {
        track,
        phase: 'update',
        revision: revisions.length + 1,
        from: start,
        to: start + second,
        observations: 1,
        path: Float32Array.from(points),
        prototypes: [],
      },
    });
    points = [];
  }
  return revisions;
}

/** All revisions by the time they end, then as they are given. */
function play(tracks: Revision[][], own: Partial<ContactOptions> = {}, minimumS = 3): Contact[] {
  const contacts = createContacts({ ...options, ...own });
  const told = new Map<string, Contact>();
  for (const revision of tracks.flat().sort((x, y) => x.tracklet.to - y.tracklet.to)) {
    contacts.take(revision);
    for (const contact of contacts.takeNews())
      told.set(`${contact.a.track}-${contact.b.track}-${contact.from}`, contact);
  }
  return [...told.values()].filter(({ exposureS }) => exposureS >= minimumS);
}

const standing: Walk = () => ({ x: 5, y: 5 });
/** Comes along at 1 m/s, stays one metre away from second 10 to 20, and walks on. */
const visiting: Walk = (second) => ({ x: 5, y: second < 10 ? 16 - second : second < 20 ? 6 : second - 14 });

test('two people who stand together are told, with distance, time and error', () => {
  const [contact, ...others] = play([walked('a', '1', standing, 30), walked('b', '2', visiting, 30)]);
  expect(others).toEqual([]);
  expect(contact).toMatchObject({ a: { camera: 'a', track: '1' }, b: { camera: 'b', track: '2' } });
  expect(contact!.distanceM).toBeCloseTo(1, 5);
  // 4 % of 100 pixels of a centimetre each, for either.
  expect(contact!.deviationM).toBeCloseTo(0.04 * Math.SQRT2, 3);
  expect(contact!.from - start).toBeCloseTo(9.5, 5);
  expect(contact!.to - start).toBeCloseTo(20.5, 5);
  expect(contact!.exposureS).toBeCloseTo(11.5, 5);
});

test('whoever only passes by has a short contact', () => {
  const passing: Walk = (second) => ({ x: 5, y: 15 - 2 * second });
  const tracks = [walked('a', '1', standing, 15), walked('a', '2', passing, 15)];
  expect(play(tracks)).toEqual([]);
  expect(play(tracks, {}, 1).length).toBe(1);
});

test('the order in which cameras tell makes no difference', () => {
  const tracks = [walked('a', '1', standing, 40), walked('b', '2', visiting, 40)];
  const inTime = play(tracks);
  const contacts = createContacts(options);
  // One camera is always ten seconds ahead.
  const late = tracks[1]!.map((revision) => ({ revision, at: revision.tracklet.to + 10 }));
  const early = tracks[0]!.map((revision) => ({ revision, at: revision.tracklet.to }));
  let last: Contact | undefined;
  for (const { revision } of [...early, ...late].sort((x, y) => x.at - y.at)) {
    contacts.take(revision);
    last = contacts.takeNews()[0] ?? last;
  }
  expect([last]).toEqual(inTime);
});

test('a short step aside is one contact, a long one makes two', () => {
  const swinging =
    (away: number): Walk =>
    (second) => ({ x: 5, y: second >= 10 && second < 10 + away ? 12 : 6 });
  const count = (away: number) =>
    play([walked('a', '1', standing, 40), walked('a', '2', swinging(away), 40)]).length;
  expect([count(1), count(8)]).toEqual([1, 2]);
});

test('where somebody was while unseen is not guessed', () => {
  const unseen: Walk = (second) => (second < 2 || second > 12 ? { x: 5, y: 6 } : undefined);
  const [contact] = play([walked('a', '1', standing, 30), walked('a', '2', unseen, 30)]);
  expect(contact!.from - start).toBeCloseTo(13, 5);
});

test('a camera without calibration measures nothing in metres', () => {
  expect(play([walked('a', '1', standing, 20), walked('c', '2', standing, 20)])).toEqual([]);
});

test('in the picture only people of one camera touch, and no metres are claimed', () => {
  const beside: Walk = () => ({ x: 5.4, y: 5 });
  const apart: Walk = () => ({ x: 6.5, y: 5 });
  const own = { method: 'Ellipse' as const, homographies: new Map<string, number[]>() };
  const tracks = (camera: string, walk: Walk) => [
    walked('a', '1', standing, 20),
    walked(camera, '2', walk, 20),
  ];
  expect(play(tracks('a', beside), own)).toMatchObject([{ distanceM: null, deviationM: null }]);
  expect(play(tracks('a', apart), own)).toEqual([]);
  expect(play(tracks('b', beside), own)).toEqual([]);
});

test('a restart in the middle changes nothing', () => {
  const tracks = [walked('a', '1', standing, 40), walked('b', '2', visiting, 40)];
  const revisions = tracks.flat().sort((x, y) => x.tracklet.to - y.tracklet.to);
  for (let cut = 0; cut < revisions.length; cut++) {
    let contacts = createContacts(options);
    const stored = new Map<number, Contact>();
    revisions.forEach((revision, index) => {
      if (index === cut) {
        contacts = createContacts(options);
        contacts.restore(revisions.slice(0, cut), [...stored.values()]);
      }
      contacts.take(revision);
      for (const contact of contacts.takeNews()) stored.set(contact.from, contact);
    });
    expect([cut, ...stored.values()]).toEqual([cut, ...play(tracks)]);
  }
});

test('memory does not grow with time or with the number of tracks', () => {
  const contacts = createContacts(options);
  for (let track = 0; track < 2000; track++) {
    for (const revision of walked('a', String(track), () => ({ x: (track % 7) * 3, y: 5 }), 4)) {
      revision.tracklet.from += track / 50;
      revision.tracklet.to += track / 50;
      contacts.take(revision);
      contacts.takeNews();
    }
  }
  const { paths, episodes } = contacts.size();
  expect(paths).toBeLessThanOrEqual(500);
  expect(episodes).toBeLessThan(paths * paths);
  for (const revision of walked('a', 'last', standing, 4)) {
    revision.tracklet.from += 1000;
    revision.tracklet.to += 1000;
    contacts.take(revision);
  }
  expect(contacts.size()).toEqual({ paths: 1, episodes: 0 });
});
