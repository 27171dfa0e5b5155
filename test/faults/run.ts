// One disturbed run of the sample beside an undisturbed one, for the tests of faults.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fleet, type FleetOptions } from './fleet.ts';
import { compileProgram, type Program } from './program.ts';
import {
  makeSample,
  planOf,
  repeatedLines,
  resultsOf,
  untilCompleted,
  type Results,
  type Sample,
} from './sample.ts';

const deadlineMs = 90_000;

export interface Run {
  fleet: Fleet;
  folder: string;
}

export interface Outcome {
  results: Results;
  /** Announcements that were written twice. */
  repeated: string[];
  lengthMs: number;
}

/** Of one test file; `close` leaves nothing behind. */
export class Runs {
  readonly program: Program;
  readonly sample: Sample;
  readonly #calm = new Map<string, Outcome>();

  static async prepare(): Promise<Runs> {
    return new Runs(compileProgram(), await makeSample(8));
  }

  private constructor(program: Program, sample: Sample) {
    this.program = program;
    this.sample = sample;
  }

  /** A whole run; `disturb` is called once everything listens, `before` with the run's folder before anything starts. */
  async run(
    name: string,
    disturb: (run: Run) => Promise<void>,
    options: Partial<FleetOptions> & {
      packing?: string;
      stages?: object;
      before?: (folder: string) => void;
    } = {},
  ): Promise<Outcome> {
    const { packing = 'PerNode', stages = {}, before, ...fleetOptions } = options;
    const folder = join(this.sample.folder, name);
    mkdirSync(folder);
    before?.(folder);
    const plan = planOf(this.sample, folder, { packing, stages });
    const fleet = await Fleet.start(plan, { host: this.program.host, folder, ...fleetOptions });
    const began = performance.now();
    try {
      await disturb({ fleet, folder });
      await untilCompleted(folder, deadlineMs);
      const lengthMs = performance.now() - began;
      await fleet.stop();
      return { results: resultsOf(folder), repeated: repeatedLines(folder), lengthMs };
    } finally {
      await fleet.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The undisturbed run, made once. */
  async calm(packing = 'PerNode'): Promise<Outcome> {
    const known = this.#calm.get(packing);
    if (known) return known;
    const made = await this.run(`calm-${packing}`, async () => undefined, { packing });
    this.#calm.set(packing, made);
    return made;
  }

  close(): void {
    this.sample.remove();
    this.program.remove();
  }
}

/** Resolves as soon as `condition` holds. @throws Error after `ms` */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 60_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
