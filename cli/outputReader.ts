// Whoever reads what `mei` prints may leave early, as `head` does. mei.ts watches for that; commands with work to finish say so.

const left = new AbortController();
let finishes = false;

/** Aborted when nobody reads the output any more. */
export const readerLeft: AbortSignal = left.signal;

/** 128 + SIGPIPE, as programs that this signal ends. */
const exitCode = 141;

/** Ends the process without a word once its output has no reader, unless a command finishes by itself. */
export function watchReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      left.abort();
      if (!finishes) process.exit(exitCode);
    });
}

/** For a command that has files to write or processes to stop: it ends by itself, soon after `readerLeft`. */
export function finishWithoutReader(): void {
  finishes = true;
}
