// How far a step is: a bar on a terminal, a line every few seconds elsewhere; on standard error, away from the figures.
import { SingleBar } from 'cli-progress';

export interface ProgressBar {
  update(done: number): void;
  stop(): void;
}

export function progressBar(label: string, total: number): ProgressBar {
  if (!process.stderr.isTTY) return lines(label, total);
  const bar = new SingleBar({
    format: `${label.padEnd(24)} [{bar}] {value} of {total}, {duration_formatted}`,
    barsize: 24,
    stream: process.stderr,
    clearOnComplete: true,
    gracefulExit: false,
  });
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}

const lineIntervalMs = 5000;

function lines(label: string, total: number): ProgressBar {
  let toldMs = performance.now();
  let last = 0;
  const tell = () => process.stderr.write(`${label}: ${last} of ${total}\n`);
  return {
    update(done) {
      last = done;
      if (performance.now() - toldMs < lineIntervalMs) return;
      toldMs = performance.now();
      tell();
    },
    stop: tell,
  };
}
