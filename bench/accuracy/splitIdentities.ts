// Identities across two cameras for main.ts: the two halves of one video through detect, embed and match as they are
// shipped, as MOT rows whose ids are identities.
import { resolveModel } from '../../config/models.ts';
import { defaultSettings } from '../../functions/match/core/settings.ts';
import type { GivenTopology } from '../../functions/match/core/stays.ts';
import type { Recording } from '../matching/recording.ts';
import { replay } from '../matching/replay.ts';
import type { Identities } from '../matching/scores.ts';
import { recordSplitView } from '../matching/splitView.ts';
import type { MotRow } from './motFiles.ts';

/** Nothing is told about the place: the matcher has to find out. */
const untold: GivenTopology = { overlap: () => false, travel: () => undefined };

/**
 * PETS09-S2L1's truth gives someone who leaves the scene and returns a new id; nobody is hidden for so long. With this the
 * matcher counts visits as the truth does; without it, it recognises people who return, which the truth calls wrong.
 */
export const visitGapS = 3;

/**
 * Every `stride`-th frame; rows count those frames from 1.
 * @param maxAbsenceS seconds after which somebody who was seen nowhere counts as new; one result each
 * @returns camera -> boxes; a track without an identity has an id of its own
 */
export async function splitIdentities(
  dataFolder: string,
  models: { detector: string; embedder: string },
  stride: number,
  maxAbsenceS: readonly number[],
): Promise<Map<string, MotRow[]>[]> {
  const detector = resolveModel({ name: models.detector }, 'detect');
  const embedder = resolveModel({ name: models.embedder }, 'embed');
  const recording = await recordSplitView(dataFolder, detector, embedder, stride);
  return maxAbsenceS.map((seconds) => {
    const settings = {
      ...defaultSettings,
      threshold: embedder.sameThreshold ?? defaultSettings.threshold,
      margin: embedder.margin ?? defaultSettings.margin,
      maxAbsenceS: seconds,
    };
    return motRows(recording, replay(recording, settings, untold).final, stride);
  });
}

function motRows(recording: Recording, identities: Identities, stride: number): Map<string, MotRow[]> {
  const ids = new Map<string, number>();
  const idOf = (name: string) => {
    if (!ids.has(name)) ids.set(name, ids.size + 1);
    return ids.get(name)!;
  };
  const rows = new Map<string, MotRow[]>(recording.cameras.map((camera) => [camera, []]));
  for (const { camera, frame, track, box } of recording.boxes ?? []) {
    const key = `${camera}/${track}`;
    const [left, top, right, bottom] = box;
    rows.get(camera)!.push({
      frame: (frame - 1) / stride + 1,
      id: idOf(identities.get(key) ?? key),
      left,
      top,
      width: right - left,
      height: bottom - top,
      confidence: 1,
    });
  }
  return rows;
}
