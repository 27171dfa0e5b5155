// `npm run bench:controller`: how fast, with how many requests and in how much memory the controller brings tasks about
// on a real API server, beside a bare client that makes the same objects there. Pods are played by KWOK.
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runBurst } from './burst.ts';
import { runCalm } from './calm.ts';
import { startGround, type Ground } from './ground.ts';
import { callsText, latencyText, printRounds, quantile, type RoundFigures } from './figures.ts';
import { sampleSpec } from './tasks.ts';

const parts = ['rounds', 'many', 'calm'] as const;
const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: [...parts] },
    packing: { type: 'string', default: 'PerNode' },
    singles: { type: 'string', default: '20' },
    burst: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    many: { type: 'string', default: '1000' },
    'calm-minutes': { type: 'string', default: '10' },
    help: { type: 'boolean', default: false },
  },
});
const isKnown = (part: string) => parts.some((each) => each === part);
if (
  values.help ||
  !values.part.every(isKnown) ||
  (values.packing !== 'PerNode' && values.packing !== 'PerStage')
) {
  console.log(`npm run bench:controller -- [--part rounds|many|calm]... [--packing PerNode|PerStage]
      [--singles n] [--burst n] [--rounds n] [--many n] [--calm-minutes n]
  --part rounds   tasks one after the other (--singles), then at once (--burst), on a new cluster in each round (--rounds)
  --part many     more tasks at once (--many), until all their objects are there
  --part calm     as many until all run, then memory, and that nothing is written (--calm-minutes)
Needs what the tests on a cluster need (docs/testing.md): 5, 3 and 15 minutes on two cores. Without --part all three.`);
  process.exit(values.help ? 0 : 1);
}
const spec = sampleSpec(values.packing);
const [singles, burst, many] = [Number(values.singles), Number(values.burst), Number(values.many)];

console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}; ${values.packing} tasks`,
);
if (values.part.includes('rounds')) {
  const rounds: RoundFigures[] = [];
  for (let round = 1; round <= Number(values.rounds); round++)
    rounds.push(await onGround(false, (ground) => measureRound(ground, round)));
  printRounds(rounds, { singles, burst });
}
if (values.part.includes('many'))
  for (const by of ['controller', 'floor'] as const)
    await onGround(false, (ground) => measureMany(ground, by));
// Held back as usual, Kubernetes' own controllers make pods for six minutes.
if (values.part.includes('calm')) await onGround(true, measureCalm);

async function onGround<T>(hurry: boolean, work: (ground: Ground) => Promise<T>): Promise<T> {
  const ground = await startGround(spec, hurry);
  try {
    return await work(ground);
  } finally {
    await ground.stop();
  }
}

/** The same process, first warmed up as one that has been running for a while. */
async function measureRound(ground: Ground, round: number): Promise<RoundFigures> {
  const controller = await ground.startController();
  await runBurst(ground, { label: 'warm-up', prefix: 'warm', count: 8, by: 'controller', controller });
  const single: number[] = [];
  for (let index = 0; index < singles; index++) {
    const label = `round ${round}, one task`;
    const one = { label, prefix: `one-${index}`, count: 1, by: 'controller', controller } as const;
    single.push(...(await runBurst(ground, one)).latenciesMs);
  }
  const common = { count: burst, controller } as const;
  const own = await runBurst(ground, {
    ...common,
    label: `round ${round}, controller`,
    prefix: 'own',
    by: 'controller',
  });
  console.log(latencyText(`round ${round}, ${burst} tasks, controller`, own));
  console.log(callsText(own));
  await controller.stop();
  const floor = await runBurst(ground, {
    ...common,
    label: `round ${round}, floor`,
    prefix: 'floor',
    by: 'floor',
  });
  console.log(latencyText(`round ${round}, ${burst} tasks, floor`, floor));
  return { single, own, floor };
}

async function measureMany(ground: Ground, by: 'controller' | 'floor'): Promise<void> {
  const controller = by === 'controller' ? await ground.startController() : undefined;
  const emptyMb = (await controller?.memory())?.residentMb;
  const label = `${many} tasks, ${by}`;
  console.log(
    latencyText(
      label,
      await runBurst(ground, { label, prefix: 'many', count: many, by, controller, untilCreated: true }),
    ),
  );
  if (!controller || emptyMb === undefined) return;
  const { residentMb, peakMb } = await controller.memory();
  console.log(
    `${label}: memory ${emptyMb.toFixed(0)} MB with no tasks, ${residentMb.toFixed(0)} MB now, at most ${peakMb.toFixed(0)} MB`,
  );
}

async function measureCalm(ground: Ground): Promise<void> {
  const controller = await ground.startController();
  const emptyMb = (await controller.memory()).residentMb;
  const label = `${many} tasks`;
  console.log(
    callsText(await runBurst(ground, { label, prefix: 'many', count: many, by: 'controller', controller })),
  );
  const calm = await runCalm(ground, controller, Number(values['calm-minutes']));
  console.log(
    `${calm.minutes} minutes of calm: ${calm.writes} writes of the controller by its own count, ${calm.serverWrites} by the server's, ` +
      `${calm.reads} reads, ${calm.leaseWrites} renewals of its lease, ${calm.cpuMs.toFixed(0)} ms of its processor time`,
  );
  console.log(
    `memory of the controller: ${emptyMb.toFixed(0)} MB with no tasks; with ${many} ${quantile(calm.residentMb, 0.5).toFixed(0)} MB ` +
      `(${Math.min(...calm.residentMb).toFixed(0)}-${Math.max(...calm.residentMb).toFixed(0)}), at most ever ${(await controller.memory()).peakMb.toFixed(0)} MB`,
  );
  if (calm.writes + calm.serverWrites > 0) process.exitCode = 1;
}
