// Holds the newest frame of a live camera while the next stage is busy, for camera.ts: what a newer frame replaces is counted.

export interface NewestSlot<T> {
  /** Never waits; replaces what was not taken yet. */
  put(item: T): void;
  /** The newest item, as soon as there is one; undefined once closed. One taker at a time. */
  take(): Promise<T | undefined>;
  /** No more items come; what is held can still be taken. */
  close(): void;
}

/** @param onDrop called for each item that was replaced before it was taken */
export function createNewestSlot<T>(onDrop: () => void): NewestSlot<T> {
  let held: { item: T } | undefined;
  let closed = false;
  let waiting: ((item: T | undefined) => void) | undefined;
  return {
    put(item) {
      if (closed) return;
      if (waiting !== undefined) {
        waiting(item);
        waiting = undefined;
        return;
      }
      if (held !== undefined) onDrop();
      held = { item };
    },
    take() {
      if (held !== undefined) {
        const { item } = held;
        held = undefined;
        return Promise.resolve(item);
      }
      if (closed) return Promise.resolve(undefined);
      return new Promise((resolve) => (waiting = resolve));
    },
    close() {
      closed = true;
      waiting?.(undefined);
      waiting = undefined;
    },
  };
}
