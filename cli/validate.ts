// `mei validate`: checks task files offline, with the same rules and messages as the API server.
import { Command } from 'commander';
import { readTask } from './taskFile.ts';
import { exitCodes, UserError } from './userError.ts';

export function validateCommand(): Command {
  return new Command('validate')
    .description('Check task files; every problem is named with its line and how to mend it')
    .argument('<task.yaml...>', 'files to check')
    .action(async (paths: string[]) => {
      const problems: string[] = [];
      for (const path of paths) {
        try {
          const task = await readTask(path);
          console.log(`${path}: ${task.metadata.name} is valid (${task.spec.cameras.length} cameras)`);
        } catch (error) {
          problems.push((error as Error).message);
        }
      }
      if (problems.length > 0) throw new UserError(problems.join('\n'), exitCodes.badInput);
    });
}
