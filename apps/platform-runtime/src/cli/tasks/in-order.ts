interface Slot<R> {
  readonly result: Promise<R>;
  /** Resolves when the result is there, or its failure. */
  readonly settled: Promise<void>;
  isSettled: boolean;
}

const slotOf = <R>(result: Promise<R>): Slot<R> => {
  const settle = (): void => {
    slot.isSettled = true;
  };
  const slot: Slot<R> = { result, settled: result.then(settle, settle), isSettled: false };
  return slot;
};

/**
 * Works on the items of a source, at most `limit` at once, and gives the results in the order of the items. An item is taken from the source only when there is room,
 * so a slow reader slows the source. The first failure, of the source or of an item whose turn has come, is thrown; then, and when the reader stops, the signal of the work
 * that is left is aborted.
 */
export async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void> {
  const items = source[Symbol.asyncIterator]();
  const left = new AbortController();
  const pending: Slot<R>[] = [];
  let reading: Promise<void> | undefined;
  const state = { ended: false };
  const read = async (): Promise<void> => {
    const next = await items.next();
    reading = undefined;
    if (next.done) state.ended = true;
    else pending.push(slotOf(work(next.value, left.signal)));
  };
  try {
    for (;;) {
      const [first] = pending;
      if (first && (first.isSettled || state.ended || pending.length >= limit)) {
        pending.shift();
        yield await first.result;
        continue;
      }
      if (state.ended) return;
      reading ??= read();
      // What is finished does not wait for an input that is slow.
      await Promise.race(first ? [reading, first.settled] : [reading]);
    }
  } finally {
    left.abort();
    // Not awaited: a source that waits for its next item answers only when it ends.
    reading?.catch(() => undefined);
    items.return?.().catch(() => undefined);
  }
}
