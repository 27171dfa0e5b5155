// What a worker last complained of, out of its log: the process backend and the status of a cluster's task show it.

/** The last error, in words: of a JSON line of level error, or plain text when the worker could not even start. */
export function lastComplaint(log: string): string | undefined {
  for (const line of log.trimEnd().split('\n').toReversed()) {
    const complaint = complaintOf(line);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function complaintOf(line: string): string | undefined {
  let entry: { level?: number | string; msg?: string; reason?: string; error?: { message?: string } };
  try {
    entry = JSON.parse(line) as typeof entry;
  } catch {
    return line.trim() === '' ? undefined : line;
  }
  const isError = entry.level === 'error' || entry.level === 'fatal' || Number(entry.level) >= 50;
  return isError ? (entry.reason ?? entry.error?.message ?? entry.msg) : undefined;
}
