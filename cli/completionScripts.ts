// Completion scripts of three shells, written out of the tree of commands. completion.ts prints them.

/** A command as shells see it. */
export interface CompletedCommand {
  /** Words before it, itself last: `models list`; empty for mei itself. */
  path: string;
  summary: string;
  commands: { name: string; summary: string }[];
  options: CompletedOption[];
  /** Words that its arguments may be, and whether they may be files. */
  words: string[];
  takesFiles: boolean;
}

interface CompletedOption {
  /** `--out`, and its letter `-o` where it has one. */
  flags: string[];
  summary: string;
  takesValue: boolean;
  choices: string[];
}

/** Finds the command that is being written in `$path`; the rest of each script completes it. */
function pathCases(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => `"${path}"`)
    .join('|');
}

const flagsOf = ({ options }: CompletedCommand) => options.flatMap(({ flags }) => flags).join(' ');
const wordsOf = ({ commands, words }: CompletedCommand) =>
  [...commands.map(({ name }) => name), ...words].join(' ');
const withChoices = (command: CompletedCommand): CompletedOption[] =>
  command.options.filter(({ choices }) => choices.length > 0);
const valueFlags = (commands: readonly CompletedCommand[]) => [
  ...new Set(
    commands.flatMap(({ options }) =>
      options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags),
    ),
  ),
];

export function bashScript(commands: readonly CompletedCommand[]): string {
  const choices = commands.flatMap((command) =>
    withChoices(command).map(
      ({ flags, choices: words }) =>
        `    ${flags.map((flag) => `"${command.path}:${flag}"`).join('|')}) COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur")); return ;;`,
    ),
  );
  const cases = commands.map(
    (command) =>
      `    "${command.path}") flags="${flagsOf(command)}"; words="${wordsOf(command)}"; files=${command.takesFiles ? 1 : 0} ;;`,
  );
  return `# bash completion for mei; written by: mei completion bash
_mei() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" i flags="" words="" files=0
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${pathCases(commands)}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path:$prev" in
${choices.join('\n')}
  esac
  case "$prev" in
    ${valueFlags(commands).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$path" in
${cases.join('\n')}
  esac
  if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    ((files)) && COMPREPLY+=($(compgen -f -- "$cur"))
  fi
  return 0
}
complete -o filenames -F _mei mei`;
}

export function zshScript(commands: readonly CompletedCommand[]): string {
  const choices = commands.flatMap((command) =>
    withChoices(command).map(
      ({ flags, choices: words }) =>
        `    ${flags.map((flag) => `"${command.path}:${flag}"`).join('|')}) compadd -- ${words.join(' ')}; return ;;`,
    ),
  );
  const cases = commands.map((command) => {
    const described = [
      ...command.commands.map(({ name, summary }) => quoted(`${name}:${summary}`)),
      ...command.words.map(quoted),
    ];
    const flags = command.options.flatMap(({ flags: each, summary }) =>
      each.map((flag) => quoted(`${flag}:${summary}`)),
    );
    return `    "${command.path}") flags=(${flags.join(' ')}); words_of=(${described.join(' ')}); files=${command.takesFiles ? 1 : 0} ;;`;
  });
  return `#compdef mei
# zsh completion for mei; written by: mei completion zsh
_mei() {
  local asked="" word files=0 previous="$words[CURRENT-1]"
  local -a flags words_of
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${asked:+$asked }$word" in
      ${pathCases(commands)}) asked="\${asked:+$asked }$word" ;;
    esac
  done
  case "$asked:$previous" in
${choices.join('\n')}
  esac
  case "$previous" in
    ${valueFlags(commands).join('|')}) _files; return ;;
  esac
  case "$asked" in
${cases.join('\n')}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe option flags
  else
    (( $#words_of )) && _describe command words_of
    (( files )) && _files
  fi
  return 0
}
if [ "$funcstack[1]" = "_mei" ]; then _mei "$@"; else compdef _mei mei; fi`;
}

export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap((command) => {
    const isHere = condition(command, commands);
    return [
      ...command.commands.map(
        ({ name, summary }) => `complete -c mei -f -n ${isHere} -a ${name} -d ${quoted(summary)}`,
      ),
      ...command.words.map((word) => `complete -c mei -f -n ${isHere} -a ${quoted(word)}`),
      ...(command.takesFiles ? [`complete -c mei -F -n ${isHere}`] : []),
      ...command.options.map((option) => `complete -c mei -n ${isHere} ${fishOption(option)}`),
    ];
  });
  return ['# fish completion for mei; written by: mei completion fish', 'complete -c mei -f', ...lines].join(
    '\n',
  );
}

/** That these words and no others below were written. */
function condition({ path, commands }: CompletedCommand, all: readonly CompletedCommand[]): string {
  const seen = path.split(' ').filter(Boolean);
  const below = path === '' ? all[0]!.commands : commands;
  const parts = [
    ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
    ...(below.length > 0
      ? [`not __fish_seen_subcommand_from ${below.map(({ name }) => name).join(' ')}`]
      : []),
  ];
  return quoted(parts.join('; and '));
}

function fishOption({ flags, summary, takesValue, choices }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : takesValue ? ' -r -F' : '';
  return `${names.join(' ')}${value} -d ${quoted(summary)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
