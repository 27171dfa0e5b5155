// What somebody in the network of the workers would send who knows everything but the token of the task: faults.test.ts sends it.
import { eventTypes, type ReportData, type StageEvent, type TrackletsData } from '../../config/events.ts';
import { binaryMessage, type HttpMessage } from '../../delivery/binding.ts';
import { toEnvelope } from '../../functions/host/codec.ts';

const report: ReportData = {
  task: 'fault',
  namespace: 'default',
  node: 'local',
  worker: 'fault-detect',
  stage: 'detect',
  sequence: Number.MAX_SAFE_INTEGER,
  time: 1_800_000_000,
  phase: 'Failed',
  message: 'a stranger says so',
  cameras: [],
  figures: {},
};

/** A person who was never there. */
function tracklets(model: string, dimensions: number): TrackletsData {
  const vector = Int8Array.from({ length: dimensions }, (_, i) => (i % 2 === 0 ? 90 : -90));
  return {
    camera: 'left',
    model,
    dimensions,
    image: { width: 64, height: 48 },
    tracklets: [
      {
        track: 'stranger.1',
        phase: 'start',
        revision: 1,
        from: 1_767_268_800,
        to: 1_767_268_801,
        observations: 3,
        path: Float32Array.of(0, 0.5, 0.5, 0.1, 0.2),
        prototypes: [{ slot: 0, vector, scale: 0.01, quality: 0.9, time: 1_767_268_800, weight: 1 }],
      },
    ],
  };
}

/** A report in the name of a worker, the end of a camera's stream, and a person who was never there. */
export function forgeries(model: { sha256: string; dimensions?: number }): HttpMessage[] {
  const event = (id: string, type: string, stage: string, data: object): StageEvent => ({
    id: `stranger-${id}`,
    source: `/namespaces/default/multiedgeinferences/fault/${stage}/left`,
    type,
    subject: 'left',
    partitionkey: 'left',
    data,
  });
  return [
    event('report', eventTypes.report, 'detect', report),
    event('end', eventTypes.stream, 'embed', { camera: 'left', state: 'ended', time: 1_800_000_000 }),
    event('person', eventTypes.tracklets, 'embed', tracklets(model.sha256, model.dimensions!)),
  ].map((each) => binaryMessage(toEnvelope(each)));
}

/** The status of the answer. */
export async function sendAs(
  token: string | undefined,
  url: string,
  { headers, parts }: HttpMessage,
): Promise<number> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: Buffer.concat(parts),
  });
  await answer.arrayBuffer();
  return answer.status;
}
