// Lets events that arrive together share one decision and one transaction. Used by the match handler: with many cameras
// the cost of a commit is paid once a batch instead of once an event.

export interface Batching {
  /** A batch is full with so many events. */
  maxEvents: number;
  /** The first event of a batch waits no longer for others. */
  maxWaitMs: number;
}

/**
 * @param commit decides and stores for all events that joined; gets what the first one gave
 * @returns joins the open batch; resolves with the commit's result for the first event, with undefined for the others, and
 *   rejects for all of them when the commit throws
 */
export function createGroupCommit<Lead, Result>(
  { maxEvents, maxWaitMs }: Batching,
  commit: (lead: Lead) => Result,
): (lead: Lead) => Promise<Result | undefined> {
  interface Batch {
    joined: number;
    full: () => void;
    done: Promise<Result>;
  }
  let open: Batch | undefined;

  function begin(lead: Lead): Batch {
    let full: () => void = () => undefined;
    const waited = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, maxWaitMs);
      full = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const batch: Batch = { joined: 0, full, done: waited.then(() => close(lead, batch)) };
    return batch;
  }

  function close(lead: Lead, batch: object): Result {
    if (open === batch) open = undefined;
    return commit(lead);
  }

  return async (lead) => {
    const isFirst = open === undefined;
    const batch = (open ??= begin(lead));
    batch.joined += 1;
    if (batch.joined >= maxEvents) {
      // Later events begin a batch of their own even before this one is stored.
      open = undefined;
      batch.full();
    }
    const result = await batch.done;
    return isFirst ? result : undefined;
  };
}
