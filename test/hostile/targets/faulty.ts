// A target with a fault of choice, to see that fuzz.ts finds each kind.
import type { OpenTarget } from '../target.ts';

const kept: Buffer[] = [];

export const open: OpenTarget = async () => ({
  run() {
    const { FAULT: fault } = process.env;
    if (fault === 'throw') throw new TypeError('not of its own kind');
    if (fault === 'leak') kept.push(Buffer.alloc(1 << 20, 1));
    while (fault === 'hang');
    if (fault === 'crash') {
      process.kill(process.pid, 'SIGSEGV');
      return new Promise<never>(() => undefined);
    }
    return 'taken';
  },
});
