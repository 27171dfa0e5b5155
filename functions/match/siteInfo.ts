// What the matcher found out about the site as the match stage reports it. Called by handler.ts whenever its state is asked for.
import type { SiteInfo } from '../../config/events.ts';
import type { SiteReport } from './core/matcher.ts';

const mostProblems = 16;
const longestProblem = 500;

/** Rounded: figures that move in their last digit would make every status a new one. */
export function siteInfoOf({ calibration, ways, wayFloor, problems }: SiteReport): SiteInfo {
  return {
    calibration: calibration.map(({ model, threshold, catalogue, differentPairs, samePairs }) => ({
      model,
      threshold: rounded(threshold, 100),
      given: rounded(catalogue, 100),
      differentPairs,
      samePairs,
    })),
    wayFloor,
    ways: ways.map(({ from, to, people, share, quickS, usualS, slowS }) => ({
      from,
      to,
      people,
      share: rounded(share, 100),
      quickS: rounded(quickS, 10),
      usualS: rounded(usualS, 10),
      slowS: rounded(slowS, 10),
    })),
    problems: problems.slice(0, mostProblems).map((problem) => problem.slice(0, longestProblem)),
  };
}

function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
