// Builds the events that ingest gives, for camera.ts and push.ts; the ids say which frame of which session it is.
import { eventTypes, type FrameData, type StageEvent, type StreamData } from '../../../config/events.ts';

/** Where a worker's camera events come from. */
export interface EventOrigin {
  namespace: string;
  task: string;
  camera: string;
}

/**
 * Names one connection of a camera. A recording that is read again from its start gets the same name, so that its
 * frames are recognised as replays.
 * @param startMs milliseconds since the epoch: the recording's first frame, or when a live camera connected
 */
export function sessionName(startMs: number, uri: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < uri.length; at++) hash = Math.imul(hash ^ uri.charCodeAt(at), 0x01000193);
  return `${Math.round(startMs).toString(36)}-${(hash >>> 0).toString(36)}`;
}

/** @param key unique within the camera, e.g. session and sequence */
export function frameEvent(origin: EventOrigin, key: string, data: FrameData): StageEvent<FrameData> {
  return { ...envelope(origin, key, data.time), type: eventTypes.frame, data };
}

/** @param begins nothing of a recording came before it */
export function endedEvent(
  origin: EventOrigin,
  session: string,
  time: number,
  begins = false,
): StageEvent<StreamData> {
  const data: StreamData = { camera: origin.camera, state: 'ended', time, ...(begins && { begins }) };
  return { ...envelope(origin, `${session}.ended`, time), type: eventTypes.stream, data };
}

function envelope({ namespace, task, camera }: EventOrigin, id: string, time: number) {
  return {
    id,
    source: `/namespaces/${namespace}/multiedgeinferences/${task}/ingest/${camera}`,
    time: new Date(Math.round(time * 1000)).toISOString(),
    subject: camera,
    partitionkey: camera,
  };
}
