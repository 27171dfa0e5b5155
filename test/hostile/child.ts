// Runs one fuzzing target in a process of its own, so that a crash, a hang and memory that grows are seen; fuzz.ts forks it.
//   child.ts <target> <seed> <cases> <folder>
import { Dice } from './mutations.ts';
import type { OpenTarget } from './target.ts';

export type ChildMessage =
  | { kind: 'case'; number: number }
  | { kind: 'finding'; number: number; error: string }
  | { kind: 'done'; taken: number; refused: number; grownBytes: number };

const send = (message: ChildMessage) =>
  new Promise<void>((resolve) => process.send!(message, () => resolve()));

async function main([name, seed, cases, folder]: string[]): Promise<void> {
  const { open } = (await import(`./targets/${name}.ts`)) as { open: OpenTarget };
  const target = await open(folder!);
  const counts = { taken: 0, refused: 0 };
  const last = Number(cases);
  // What is loaded and cached on first use is not growth.
  const settledAt = Math.floor(last / 3);
  let settledBytes = 0;
  for (let number = 0; number < last; number++) {
    if (number === settledAt) settledBytes = residentBytes();
    await send({ kind: 'case', number });
    try {
      counts[await target.run(new Dice(Number(seed) * 1_000_003 + number))]++;
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      await send({ kind: 'finding', number, error: text.slice(0, 3000) });
      process.exit(1);
    }
  }
  await target.finish?.();
  await send({ kind: 'done', ...counts, grownBytes: residentBytes() - settledBytes });
  process.exit(0);
}

function residentBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage.rss();
}

process.on('disconnect', () => process.exit());
await main(process.argv.slice(2));
