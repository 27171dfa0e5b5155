// `mei validate`: checks task files offline, with the same rules and messages as the API server.
import { Command } from 'commander';
import { readTask } from './taskFile.ts';
import { exitCodes, UserError } from './userError.ts';

export function validateCommand(): Command {
  return new Command('validate')
    .description('Check task files; every problem is named with its line and how to mend it')
    .argument('<task.yaml...>', 'files to check')
    .option('--json', 'print a JSON line for each file', false)
    .addHelpText(
      'after',
      `
Nothing is asked of a cluster: rules and messages are those of the API server. Exit code 2 when a file is wrong.

Examples:
  $ mei validate my-task.yaml
  $ mei validate tasks/*.yaml --json | jq 'select(.valid | not)'`,
    )
    .action(validate);
}

async function validate(paths: string[], { json }: { json: boolean }): Promise<void> {
  const problems: string[] = [];
  for (const path of paths) {
    try {
      const { metadata, spec } = await readTask(path);
      const cameras = spec.cameras.length;
      if (json) console.log(JSON.stringify({ file: path, valid: true, task: metadata.name, cameras }));
      else console.log(`${path}: ${metadata.name} is valid (${cameras} cameras)`);
    } catch (error) {
      const { message } = error as Error;
      problems.push(message);
      if (json) console.log(JSON.stringify({ file: path, valid: false, problems: message.split('\n') }));
    }
  }
  if (json && problems.length > 0) process.exitCode = exitCodes.badInput;
  else if (problems.length > 0) throw new UserError(problems.join('\n'), exitCodes.badInput);
}
