#!/usr/bin/env node
// The command line `mei`: program.ts has the commands, one file for each beside it.
import { CommanderError } from 'commander';
import { watchReader } from './outputReader.ts';
import { createProgram, printError } from './program.ts';
import { UserError } from './userError.ts';

watchReader();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else if (error instanceof UserError) {
    printError(error.message, error.exitCode);
    process.exitCode = error.exitCode;
  } else {
    console.error(error);
    process.exitCode = 70;
  }
}
