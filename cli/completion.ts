// `mei completion`: prints what a shell needs to complete commands, options and names; made of the commands themselves.
import { Argument, Command } from 'commander';
import { loadCatalogue } from '../config/models.ts';
import { bashScript, fishScript, zshScript, type CompletedCommand } from './completionScripts.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** @param program asked when the command runs, because it is part of it */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('Print a script that lets your shell complete mei')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      `
Examples:
  $ mei completion bash > ~/.local/share/bash-completion/completions/mei
  $ mei completion zsh > ~/.zfunc/_mei          with fpath+=~/.zfunc before compinit in ~/.zshrc
  $ mei completion fish > ~/.config/fish/completions/mei.fish
  $ source <(mei completion bash)               for this shell only`,
    )
    .action((shell: keyof typeof scripts) => console.log(scripts[shell](completedCommands(program()))));
}

/** mei itself first, each command before those below it. */
export function completedCommands(program: Command): CompletedCommand[] {
  const below = (command: Command, path: string): CompletedCommand[] => [
    described(command, path),
    ...command.commands.flatMap((child) => below(child, `${path} ${child.name()}`.trim())),
  ];
  return below(program, '');
}

function described(command: Command, path: string): CompletedCommand {
  const args = command.registeredArguments;
  const help = { flags: ['--help', '-h'], summary: 'Show help', takesValue: false, choices: [] };
  return {
    path,
    summary: firstSentence(command.description()),
    commands: command.commands.map((child) => ({
      name: child.name(),
      summary: firstSentence(child.description()),
    })),
    options: [
      ...command.options.map((option) => ({
        flags: [option.long, option.short].filter((flag) => flag !== undefined && flag !== null),
        summary: firstSentence(option.description),
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
      })),
      help,
    ],
    words: args.flatMap((argument) => argument.argChoices ?? (isModel(path) ? modelNames() : [])),
    takesFiles: args.some((argument) => !argument.argChoices) && !isModel(path),
  };
}

function isModel(path: string): boolean {
  return path === 'models pull' || path === 'models verify';
}

function modelNames(): string[] {
  return loadCatalogue().map(({ name }) => name);
}

function firstSentence(text: string): string {
  return text.split(/[.;:\n]/, 1)[0]!;
}
