// What a fuzzing target is; each file in targets/ exports one, child.ts runs it.
import type { Dice } from './mutations.ts';

/** What became of one hostile input; anything else a target throws, and that is a finding. */
export type Outcome = 'taken' | 'refused';

export interface Target {
  /** Makes an input from the dice and gives it to the code under test. @throws whatever must not happen */
  run(dice: Dice): Promise<Outcome> | Outcome;
  /** Checks what must hold after all cases. @throws */
  finish?(): Promise<void> | void;
}

/** Each target module exports this as `open`. */
export type OpenTarget = (folder: string) => Promise<Target>;

/** A refusal as people and senders may see it. @throws Error when it tells more */
export function checkRefusal(message: string): void {
  if (message === '' || message.length > 2000)
    throw new Error(`a refusal of ${message.length} characters: ${message.slice(0, 150)}`);
  if (/\n\s+at |node_modules|\.[jt]s:\d+:\d/.test(message))
    throw new Error(
      `a refusal with a stack or a path of this installation: ${JSON.stringify(message.slice(0, 500))}`,
    );
  if (message.includes(process.cwd())) throw new Error(`a refusal with a path: ${message.slice(0, 500)}`);
  const polluted = Object.keys(Object.prototype);
  if (polluted.length > 0) throw new Error(`Object.prototype has got ${polluted.join(', ')}`);
}
