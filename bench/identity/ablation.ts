// The matcher with its parts added one after the other, so that a table says what each earns. Called by main.ts.
import type { MatchSettings } from '../../functions/match/core/settings.ts';

export interface Stage {
  name: string;
  settings: MatchSettings;
  /** Whether the cameras' homographies count. */
  ground: boolean;
}

/** @param settings all parts, as shipped */
export function stagesOf(settings: MatchSettings): Stage[] {
  const noRegrouping = { regroupBelow: 0, regroupS: Infinity };
  const uncalibrated = { calibrationShift: 0 };
  const noTime = {
    gapWeight: 0,
    motionCeiling: 0,
    motionFloor: 0,
    transitionCeiling: 0,
    transitionFloor: 0,
    maxAbsenceS: Infinity,
  };
  const noWays = { transitionCeiling: 0, transitionFloor: 0 };
  const add = (name: string, ground: boolean, ...without: Partial<MatchSettings>[]): Stage => ({
    name,
    ground,
    settings: Object.assign({ ...settings }, ...without) as MatchSettings,
  });
  return [
    add('appearance', false, noRegrouping, uncalibrated, noTime),
    add('+ time', false, noRegrouping, uncalibrated, noWays),
    add('+ learned ways', false, noRegrouping, uncalibrated),
    add('+ position', true, noRegrouping, uncalibrated),
    add('+ calibration', true, noRegrouping),
    add('+ re-clustering', true),
  ];
}
