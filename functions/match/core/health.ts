// Notices embedders that fail without saying so, and cameras whose people look alike. Called by matcher.ts at each grouping from
// nothing; what it says makes the task Degraded. Looks at the newest tracks of each camera only.
import { together } from './calibration.ts';
import type { MatchSettings } from './settings.ts';
import type { Similarities } from './similarity.ts';
import { addUnit, type Trace } from './trace.ts';

export interface Health {
  /** Looks at all traces in memory, in canonical order. */
  judge(traces: readonly Trace[], similarities: Similarities): void;
  /** One sentence for each thing that is wrong, by camera. */
  problems(): string[];
  state(): HealthState;
  restore(state: HealthState): void;
}

/** What a restart must know: a problem goes only when it is clearly over. */
export type HealthState = [check: string, sentence: string][];

/** Tracks and pairs of a camera that are looked at. */
const newest = 60;
const identical = 0.9995;
/** A problem that was raised stays until its share is so much below where it was raised. */
const relaxed = 0.7;

interface Check {
  /** Tracks or pairs without which nothing is said. */
  least: number;
  /** Share of bad ones at which it is raised. */
  limit: number;
  /** One entry for each track or pair: whether it is bad. */
  samples: (view: CameraView) => boolean[];
  words: (bad: number, of: number) => string;
}

interface CameraView {
  traces: Trace[];
  pairs: [Trace, Trace][];
  similarities: Similarities;
  settings: MatchSettings;
}

const checks: Check[] = [
  {
    least: 5,
    limit: 0.5,
    samples: ({ traces }) => traces.filter(hasVector).map((trace) => looks(trace).every(isEmpty)),
    words: (bad, of) =>
      `the embedder gives empty vectors (${bad} of the last ${of} tracks): check the model file and what runs it`,
  },
  {
    least: 5,
    limit: 0.5,
    samples: ({ traces }) => {
      const seen = traces.filter(hasContent);
      return seen.slice(1).map((trace, i) => cosine(lastLook(trace), lastLook(seen[i]!)) >= identical);
    },
    words: (bad, of) =>
      `the embedder gives everybody the same vector (${bad} of the last ${of} pairs of tracks): check the model file, and whether the pictures change`,
  },
  {
    least: 20,
    limit: 0.5,
    samples: ({ pairs, settings }) =>
      pairs
        .filter((pair) => pair.every(hasContent))
        .map(([a, b]) => cosine(lastLook(a), lastLook(b)) > settings.threshold),
    words: (bad, of) =>
      `people seen at one time look like one person (${bad} of the last ${of} pairs): the vectors tell nobody apart here; check light, focus and the embedder`,
  },
  {
    least: 40,
    limit: 0.3,
    samples: ({ pairs, similarities }) =>
      pairs.map(([a, b]) => similarities.of(a, b) > similarities.threshold(a.model)),
    words: (bad, of) =>
      `different people are as similar as one person should be (${bad} of the last ${of} pairs): people will be mixed up; check light and focus, or raise matching.threshold`,
  },
  {
    least: 20,
    limit: 0.5,
    samples: ({ traces, similarities }) =>
      traces
        .map((trace) => similarities.within(trace) - similarities.threshold(trace.model))
        .filter((lead) => !Number.isNaN(lead))
        .map((lead) => lead < 0),
    words: (bad, of) =>
      `one person looks like several within one track (${bad} of the last ${of} tracks): check light and focus, or lower matching.threshold`,
  },
];

export function createHealth(settings: MatchSettings): Health {
  const raised = new Map<string, string>();

  return {
    judge(traces, similarities) {
      const before = new Map(raised);
      raised.clear();
      for (const [camera, view] of viewsOf(traces, similarities, settings)) {
        // A later check says less about the same trouble.
        for (const [i, { least, limit, samples, words }] of checks.entries()) {
          const all = samples(view);
          const bad = all.filter(Boolean).length;
          const key = `${camera} ${i}`;
          if (all.length < least || bad < limit * all.length * (before.has(key) ? relaxed : 1)) continue;
          // The same words as long as it lasts: who follows the status wants to hear of it once.
          raised.set(key, before.get(key) ?? `camera ${camera}: ${words(bad, all.length)}`);
          break;
        }
      }
    },
    problems: () => [...raised.values()],
    state: () => [...raised],
    restore(state) {
      raised.clear();
      for (const [check, sentence] of state) raised.set(check, sentence);
    },
  };
}

function viewsOf(
  traces: readonly Trace[],
  similarities: Similarities,
  settings: MatchSettings,
): Map<string, CameraView> {
  const views = new Map<string, CameraView>();
  const alone = traces.filter((trace) => trace.tracks === 1);
  for (const trace of alone) {
    const view = views.get(trace.camera);
    if (view) view.traces.push(trace);
    else views.set(trace.camera, { traces: [trace], pairs: [], similarities, settings });
  }
  for (const pair of together(alone)) views.get(pair[0].camera)!.pairs.push(pair);
  for (const view of views.values()) {
    view.traces = view.traces.slice(-newest);
    view.pairs = view.pairs.slice(-newest);
  }
  return new Map([...views].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function looks(trace: Trace): Int8Array[] {
  return trace.appearances.flatMap((appearance) => (appearance ? [appearance.vector] : []));
}

function hasVector(trace: Trace): boolean {
  return looks(trace).length > 0;
}

function isEmpty(vector: Int8Array): boolean {
  return vector.every((value) => value === 0);
}

function hasContent(trace: Trace): boolean {
  return looks(trace).some((vector) => !isEmpty(vector));
}

function lastLook(trace: Trace): Int8Array {
  return looks(trace)
    .filter((vector) => !isEmpty(vector))
    .at(-1)!;
}

function cosine(a: Int8Array, b: Int8Array): number {
  if (a.length !== b.length) return 0;
  const [x, y] = [new Float32Array(a.length), new Float32Array(b.length)];
  addUnit(x, a, 1);
  addUnit(y, b, 1);
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
}
