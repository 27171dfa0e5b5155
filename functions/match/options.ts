// From a task's match options to the matcher's settings and topology. Used by the match handler's `create`.
import type { CameraConfig, MatchOptions, ModelConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import type { ContactOptions } from './core/contacts.ts';
import type { TargetSettings } from './core/targets.ts';
import { defaultSettings, type MatchSettings } from './core/settings.ts';
import type { GivenTopology } from './core/stays.ts';

/**
 * The task's own numbers before the model's catalogue row, `params` by name last.
 * @throws PermanentError that lists the known names when one is unknown
 */
export function matchSettings(options: MatchOptions, model: ModelConfig | undefined): MatchSettings {
  const settings: MatchSettings = {
    ...defaultSettings,
    acrossCamera: options.acrossCamera,
    threshold: options.threshold ?? model?.sameThreshold ?? defaultSettings.threshold,
    // Whoever names a threshold gets it.
    ...(options.threshold !== undefined && { calibrationShift: 0 }),
    margin: options.margin ?? model?.margin ?? defaultSettings.margin,
    votes: options.votes,
  };
  const known = Object.keys(settings).filter((name) => name !== 'acrossCamera');
  for (const [name, value] of Object.entries(options.params)) {
    if (!known.includes(name)) {
      throw new PermanentError(
        `stages.match.params.${name} is not known; known are ${known.sort().join(', ')}`,
      );
    }
    (settings as unknown as Record<string, number>)[name] = value;
  }
  return settings;
}

/** Which cameras overlap and how long the way between others takes, either direction. */
export function givenTopology(options: MatchOptions): GivenTopology {
  const overlaps = new Set(options.overlaps.map(({ cameras: [a, b] }) => pairOf(a, b)));
  const travels = new Map(
    options.travel.map(({ from, to, minS, maxS }) => [pairOf(from, to), { minS, maxS }] as const),
  );
  return {
    overlap: (a, b) => overlaps.has(pairOf(a, b)),
    travel: (a, b) => travels.get(pairOf(a, b)),
  };
}

/** When somebody counts as a target; follows `settings` when these change while it runs. */
export function targetSettings({ unknownBelow }: MatchOptions, settings: MatchSettings): TargetSettings {
  return {
    get threshold() {
      return settings.threshold;
    },
    get margin() {
      return settings.margin;
    },
    get unknownBelow() {
      return unknownBelow ?? settings.threshold;
    },
    get bestPairShare() {
      return settings.bestPairShare;
    },
  };
}

/** What the task asks about contacts, with the cameras whose pictures can be measured. */
export function contactOptions(
  { method, distanceM, minimumS }: NonNullable<MatchOptions['contacts']>,
  cameras: readonly Pick<CameraConfig, 'id' | 'homography'>[],
): ContactOptions & { minimumS: number } {
  return { method, distanceM, minimumS, homographies: homographiesOf(cameras) };
}

/** Camera -> pixels to metres, of those that are measured. */
export function homographiesOf(
  cameras: readonly Pick<CameraConfig, 'id' | 'homography'>[],
): Map<string, readonly number[]> {
  return new Map(cameras.flatMap(({ id, homography }) => (homography ? [[id, homography] as const] : [])));
}

function pairOf(a: string, b: string): string {
  return JSON.stringify(a < b ? [a, b] : [b, a]);
}
