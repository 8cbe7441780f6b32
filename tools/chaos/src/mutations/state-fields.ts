/** Where the 32-bit fields of a state lie, and where its sections end. */
export interface StateFields {
  /** Places of all fields but tokens, keys and values, bytes. */
  readonly fields: readonly number[];
  /** Ends of sections: head, tokens, counts, cells, and of each layer its sizes and its data. */
  readonly borders: readonly number[];
}

/**
 * Reads a state of a model with plain attention in a context of one sequence, as llama.cpp 0.5.0 writes it. Not the provider's own reader: what that one overlooks is to be
 * found.
 */
export const fieldsOf = (state: Buffer): StateFields => {
  const fields: number[] = [];
  const borders: number[] = [];
  let at = 0;
  const take = (): number => {
    fields.push(at);
    at += 4;
    return state.readUInt32LE(at - 4);
  };
  const border = (bytes = 0): void => {
    at += bytes;
    borders.push(at);
  };
  take();
  take();
  const tokens = take();
  border();
  border(4 * tokens);
  take();
  const cells = take();
  border();
  for (let i = 0; i < 3 * cells; i++) take();
  border();
  const transposed = take();
  const layers = take();
  border();
  for (const isColumns of [false, transposed !== 0]) {
    for (let layer = 0; layer < layers; layer++) {
      const [, second, third] = [take(), take(), take()];
      border();
      border(cells * second * (isColumns ? third : 1));
    }
  }
  if (at !== state.length) throw new Error(`the state has ${state.length} bytes, its sections ${at}`);
  return { fields, borders: borders.filter((end) => end < state.length) };
};
