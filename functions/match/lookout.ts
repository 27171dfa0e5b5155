// Looks out for the people that a task names: keeps their pictures' vectors fresh and says in which tracks they were seen.
// The match handler asks it for every trace that changed.
import type { IdentityChange } from '../../config/events.ts';
import type { Log } from '../function.ts';
import {
  createTargets,
  type SeenTrace,
  type Sighting,
  type Target,
  type TargetSettings,
} from './core/targets.ts';
import type { TargetImages } from './targetImages.ts';

export interface Known {
  sightings: Pick<Sighting, 'target' | 'camera' | 'track'>[];
  /** Who was recognised as a target. */
  identities: string[];
  unknownSeen: boolean;
}

export type Sighted = Extract<IdentityChange, { kind: 'sighted' }>;

export interface Lookout {
  /** Looks at the pictures once, then now and then; resolves when the first look is over. */
  start(log: Log): Promise<void>;
  stop(): void;
  /** Who was recognised anew in the traces that changed; in all of them when the pictures changed. */
  consider(changed: readonly SeenTrace[], all: () => readonly SeenTrace[]): Sighted[];
  /** Who was recognised anew in tracks of the store. */
  considerPast(tracks: readonly SeenTrace[]): Sighted[];
  /** Grows whenever the pictures have changed. */
  generation(): number;
  /** Whether a change is about somebody who was recognised as a target. */
  isAboutTarget(change: IdentityChange): boolean;
  unknownSeen(): boolean;
  /** What is wrong with pictures, one line each. */
  problems(): readonly string[];
}

/** A Secret that changed is taken within so long; a picture that was missing sooner. */
const lookAgainMs = 60_000;
const missingAgainMs = 10_000;
/** The first events wait no longer for pictures. */
const firstLookMs = 30_000;

export function createLookout(images: TargetImages, settings: TargetSettings, known: Known): Lookout {
  let targets = createTargets([], settings);
  targets.restore(known.sightings, known.unknownSeen);
  let loaded: Target[] = [];
  let wrong: string[] = [];
  let isNew = false;
  let generation = 0;
  let timer: NodeJS.Timeout | undefined;
  const ending = new AbortController();
  const sighted = new Map(known.sightings.map((each) => [`${each.camera}/${each.track}`, each]));

  const identities = new Set(known.identities);

  async function look(log: Log, signal: AbortSignal): Promise<void> {
    const { targets: found, problems } = await images.load(signal);
    for (const problem of problems)
      if (!wrong.includes(problem)) log.warn({ stage: 'match', problem }, 'picture not usable');
    wrong = problems;
    if (isSame(loaded, found)) return;
    loaded = found;
    const before = targets.unknownSeen();
    targets = createTargets(found, settings);
    targets.restore([...sighted.values()], before);
    isNew = true;
    generation += 1;
    log.info(
      { stage: 'match', targets: found.map(({ name, vectors }) => `${name} (${vectors.length})`) },
      'looking for people',
    );
  }

  function tellOf(traces: readonly SeenTrace[]): Sighted[] {
    const times = new Map(traces.map((trace) => [`${trace.camera}/${trace.track}`, trace.to]));
    return targets.consider(traces).map((sighting) => {
      const key = `${sighting.camera}/${sighting.track}`;
      sighted.set(key, sighting);
      if (sighted.size > mostKept) sighted.delete(sighted.keys().next().value!);
      identities.add(sighting.identity);
      return { kind: 'sighted', ...sighting, time: times.get(key)! };
    });
  }

  function lookLater(log: Log): void {
    const later = () => {
      look(log, ending.signal)
        .catch((error: unknown) => {
          if (!ending.signal.aborted)
            log.warn({ stage: 'match', error: String(error) }, 'pictures not looked at');
        })
        .finally(() => lookLater(log));
    };
    if (ending.signal.aborted) return;
    timer = setTimeout(later, wrong.length > 0 ? missingAgainMs : lookAgainMs);
    timer.unref();
  }

  return {
    async start(log) {
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(firstLookMs)]);
      await look(log, signal).catch((error: unknown) => {
        wrong = [`pictures of targets were not looked at within ${firstLookMs / 1000} s`];
        log.warn({ stage: 'match', error: String(error) }, 'pictures not looked at');
      });
      lookLater(log);
    },
    stop() {
      ending.abort();
      clearTimeout(timer);
    },
    consider(changed, all) {
      const traces = isNew ? all() : changed;
      isNew = false;
      return tellOf(traces);
    },
    considerPast: (tracks) => tellOf(tracks),
    generation: () => generation,
    isAboutTarget(change) {
      if (change.kind === 'merged' && identities.has(change.from)) identities.add(change.identity);
      if (change.kind === 'erased') return true;
      const others = change.kind === 'contact' ? [change.other] : change.kind === 'split' ? [change.to] : [];
      return [change.identity, ...others].some((identity) => identities.has(identity));
    },
    unknownSeen: () => targets.unknownSeen(),
    problems: () => wrong,
  };
}

/** Sightings that survive a change of pictures: those of the last tracks. */
const mostKept = 10_000;

function isSame(a: readonly Target[], b: readonly Target[]): boolean {
  const digest = (targets: readonly Target[]) =>
    JSON.stringify(
      targets.map(({ name, model, vectors }) => [name, model, vectors.map((vector) => [...vector])]),
    );
  return digest(a) === digest(b);
}
