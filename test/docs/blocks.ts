// The commands of the documents: blocks of sh, and the commands in them. commands.test.ts checks each.
import { readdirSync, readFileSync } from 'node:fs';

export interface Block {
  file: string;
  /** Its first line that is no comment: names it in the list of the test. */
  first: string;
  text: string;
}

export function documents(): string[] {
  const docs = readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`);
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'training/embedder/README.md', ...docs].sort();
}

export function blocksOf(file: string, page = readFileSync(file, 'utf8')): Block[] {
  return [...page.matchAll(/^ *```(?:sh|bash|shell|console)\n([^]*?)^ *```$/gm)].map(([, text]) => {
    const line = text!.split('\n').find((each) => each.trim() !== '' && !each.trim().startsWith('#')) ?? '';
    return { file, first: line.replace(/\s+#.*$/, '').trim(), text: text! };
  });
}

/** Each command as its words: without what is fed into it, comments, variables before it, and where its output goes. */
export function commandsOf(text: string): string[][] {
  const joined = text
    .replace(/<<-?'?(\w+)'?.*\n[^]*?^\1$/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#\s.*$/, ''));
  return joined.flatMap((line) =>
    parts(line)
      .map((part) => words(part))
      .map((list) => {
        let at = 0;
        while (at < list.length && /^\w+=(?!\$\()/.test(list[at]!)) at++;
        const [first, ...rest] = list.slice(at);
        return first === undefined ? [] : [first.replace(/^\w+=\$\(/, ''), ...rest];
      })
      .filter((list) => list.length > 0),
  );
}

/** Cuts at &&, ||, | and ; outside of quotes. */
function parts(line: string): string[] {
  const quoted = /'[^']*'|"(?:\\.|[^"])*"/g;
  const kept: string[] = [];
  const masked = line.replace(quoted, (text) => `\ue000${kept.push(text) - 1}\ue000`);
  const whole = (text: string) =>
    text.replace(/\ue000(\d+)\ue000/g, (_, index: string) => kept[Number(index)]!);
  return masked
    .split(/&&|\|\||[|;]/)
    .map((part) => whole(part.replace(/\s[12]?>>?\s*\S+/g, '')).trim())
    .filter((part) => part !== '');
}

function words(command: string): string[] {
  return (command.match(/(?:'[^']*'|"(?:\\.|[^"])*"|\S)+/g) ?? []).map((word) =>
    /^'[^']*'$|^"[^"]*"$/.test(word) ? word.slice(1, -1) : word,
  );
}
