// Whether mei understands a command line, without running it: for the examples of its help, and for the commands of the documents.
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';

/** What is wrong with the words after `mei`; undefined: nothing. */
export function problemOf(words: readonly string[]): string | undefined {
  const program = createProgram();
  const silence = { writeErr: () => undefined, writeOut: () => undefined };
  const quiet = (command: Command): void => {
    command.configureOutput(silence);
    command.action(() => undefined);
    command.commands.forEach(quiet);
  };
  program.configureOutput(silence);
  program.commands.forEach(quiet);
  try {
    program.parse([...words], { from: 'user' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
