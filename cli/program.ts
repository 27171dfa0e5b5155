// All commands of `mei` in one tree: mei.ts runs it, completion.ts reads it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../config/packageRoot.ts';
import { ownMachine } from '../functions/media/addressGuard.ts';
import { bridgeCommand } from './bridge.ts';
import { completionCommand } from './completion.ts';
import { consoleCommand } from './console.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { forgetCommand } from './forget.ts';
import { modelsCommand } from './models.ts';
import { outboxCommand } from './outbox.ts';
import { renderCommand } from './render.ts';
import { runCommand } from './run.ts';
import { searchCommand } from './search.ts';
import { validateCommand } from './validate.ts';

/** Throws CommanderError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('mei')
    .version(ownVersion())
    .description(
      'Multi-edge inference: people keep one identity across cameras, and no picture leaves the edge.\n\n' +
        'A task is a MultiEdgeInference resource in a YAML file; the smallest has a name and two cameras.',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ mei run config/samples/two-cameras.yaml       follow people on two sample cameras, here, now
  $ mei validate my-task.yaml                     say what is wrong with a task, and how to mend it
  $ mei render my-task.yaml                       what a cluster would run
  $ mei export out/two-cameras/latest --format csv  who was where and when, for a spreadsheet
  $ mei console out/two-cameras/latest            see a run in the browser, also after it has ended
  $ mei search --out out/two-cameras/latest       who was where between two times, also by picture
  $ mei forget p-8f2k1v9x0a --out out/two-cameras/latest  erase a person
  $ mei doctor                                    what this machine or cluster lacks, and how to mend it
  $ mei models list                               which detectors and embedders there are
  $ mei outbox list out/two-cameras/latest        what has not reached the cloud, and what it refused
`,
    )
    .showHelpAfterError('(mei --help lists the commands)')
    .hook('preAction', (_program, command) => openOwnNetworks(command.name()));
  for (const command of [
    runCommand(),
    validateCommand(),
    renderCommand(),
    consoleCommand(),
    exportCommand(),
    searchCommand(),
    forgetCommand(),
    modelsCommand(),
    outboxCommand(),
    bridgeCommand(),
    doctorCommand(),
    completionCommand(() => program),
  ])
    program.addCommand(command);
  throwInsteadOfExit(program);
  return program;
}

/** Whoever runs a task here may reach every network of this machine anyway; workers inherit it. Clusters decide themselves. */
function openOwnNetworks(command: string): void {
  if (command === 'render') return;
  process.env['MEI_CAMERA_NETWORKS'] ??= ownMachine;
  process.env['MEI_DOWNLOAD_NETWORKS'] ??= ownMachine;
  process.env['MEI_NOTICE_NETWORKS'] ??= ownMachine;
}

/** What is wrong is one JSON line where results are JSON lines. */
export function printError(message: string, exitCode: number): void {
  if (process.argv.includes('--json')) console.error(JSON.stringify({ type: 'error', message, exitCode }));
  else console.error(`mei: ${message}`);
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  if (process.argv.includes('--json'))
    command.configureOutput({ outputError: (text) => printError(text.trim().replace(/^error: /, ''), 1) });
  command.commands.forEach(throwInsteadOfExit);
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
}
