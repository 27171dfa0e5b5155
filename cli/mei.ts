#!/usr/bin/env node
// The command line `mei`: one file per command beside this one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../config/packageRoot.ts';
import { ownMachine } from '../functions/media/addressGuard.ts';
import { modelsCommand } from './models.ts';
import { watchReader } from './outputReader.ts';
import { outboxCommand } from './outbox.ts';
import { runCommand } from './run.ts';
import { UserError } from './userError.ts';
import { validateCommand } from './validate.ts';

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  version: string;
};

// Whoever runs a task here may reach every network of this machine anyway; workers inherit it.
process.env['MEI_CAMERA_NETWORKS'] ??= ownMachine;
process.env['MEI_DOWNLOAD_NETWORKS'] ??= ownMachine;

watchReader();
const program = new Command('mei')
  .version(version)
  .description(
    'Multi-edge inference: people keep one identity across cameras, and no picture leaves the edge.\n\n' +
      'A task is a MultiEdgeInference resource in a YAML file; the smallest has a name and two cameras.',
  )
  .addHelpText(
    'after',
    `
Examples:
  $ mei run config/samples/two-cameras.yaml     follow people on two sample cameras, here, now
  $ mei validate my-task.yaml                   say what is wrong with a task, and how to mend it
  $ mei models list                             which detectors and embedders there are
  $ mei outbox list out/two-cameras/latest      what has not reached the cloud, and what it refused
`,
  )
  .showHelpAfterError('(mei --help lists the commands)')
  .exitOverride()
  .addCommand(runCommand())
  .addCommand(validateCommand())
  .addCommand(modelsCommand())
  .addCommand(outboxCommand());
for (const command of program.commands) {
  command.exitOverride();
  command.commands.forEach((child) => child.exitOverride());
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else {
    const known = error instanceof UserError;
    console.error(known ? `mei: ${error.message}` : error);
    process.exitCode = known ? error.exitCode : 70;
  }
}
