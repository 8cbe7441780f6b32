import { STATE_HEAD, type StateLayout } from './state-layout.ts';

/** Of states that have cells, for one sequence, and no keys and values. */
export const FAKE_LAYOUT: StateLayout = { parts: [{ streams: 1, cellWords: 3, data: [] }] };

export const fakeState = (tokens: Uint32Array): Buffer => {
  const cells = Array.from(tokens, (_, position) => [position, 1, 0]).flat();
  const words = [STATE_HEAD.magic, STATE_HEAD.version, tokens.length, ...tokens, 1, tokens.length, ...cells];
  return Buffer.from(Uint32Array.from(words).buffer);
};

export const fakeTokens = (state: Buffer): Uint32Array =>
  Uint32Array.from({ length: state.readUInt32LE(8) }, (_, i) => state.readUInt32LE(12 + 4 * i));
