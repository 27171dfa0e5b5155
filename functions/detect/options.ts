// Sorts a task's detect `params` to the parts they belong to. Used by the detect handler's `create`.
import type { ModelConfig } from '../../config/worker.ts';
import { PermanentError } from '../function.ts';
import { defaultGateOptions, type GateOptions } from './core/motionGate.ts';
import { defaultCropOptions, type CropOptions } from './core/crops.ts';
import { defaultNmsOptions, type NmsOptions } from './core/nms.ts';
import { defaultTrackerOptions, type TrackerOptions } from './core/trackerOptions.ts';

export interface DetectParts {
  nms: NmsOptions;
  tracker: TrackerOptions;
  crops: CropOptions;
  gate: GateOptions;
}

/** How far above the model's threshold a box must score to start a track. */
const birthMargin = 0.08;

/**
 * Model thresholds first, then `params` by name.
 * @throws PermanentError that lists the known names when one is unknown.
 */
export function detectParts(model: ModelConfig, params: Record<string, number>): DetectParts {
  const high = model.scoreThreshold ?? defaultTrackerOptions.highScore;
  const parts = {
    nms: { ...defaultNmsOptions, maxOverlap: model.nmsIou ?? defaultNmsOptions.maxOverlap },
    tracker: { ...defaultTrackerOptions, highScore: high, birthScore: high + birthMargin },
    crops: { ...defaultCropOptions },
    gate: { ...defaultGateOptions },
  };
  for (const [name, value] of Object.entries(params)) {
    const part = Object.values(parts).find((options) => name in options);
    if (!part) {
      const known = Object.values(parts).flatMap((options) => Object.keys(options));
      throw new PermanentError(
        `stages.detect.params.${name} is not known; known are ${known.sort().join(', ')}`,
      );
    }
    (part as Record<string, number>)[name] = value;
  }
  return parts;
}
