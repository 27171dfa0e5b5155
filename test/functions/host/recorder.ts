// A stage for main.test.ts: writes what it gets to the file that RECORD names.
import { appendFileSync } from 'node:fs';
import type { CreateStage } from '../../../functions/function.ts';

export const create: CreateStage = async () => {
  const file = process.env.RECORD;
  if (!file) throw new Error('RECORD: must name a file');
  const write = (line: string) => appendFileSync(file, `${line}\n`);
  return {
    async handle(event) {
      if (event.id === 'crash-end')
        setImmediate(() => {
          throw new Error('crash');
        });
      else write(event.id);
    },
    shutdown: async () => write('shutdown'),
  };
};
