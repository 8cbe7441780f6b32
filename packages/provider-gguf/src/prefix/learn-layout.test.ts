import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FAKE_LAYOUT, fakeState } from './fake-state.fixture.ts';
import { learnLayout, type ProbedContext } from './learn-layout.ts';

/** Counts the cells that are held, and writes what it is given as the state of any tokens. */
const contextThat = (write: (tokens: Uint32Array) => Uint8Array | Error) => {
  const seen = { held: 0, folder: '' };
  const context: ProbedContext = {
    begin: () => undefined,
    add: (_sequence, _position, tokens) => {
      seen.held = tokens.length;
      return Uint32Array.of(0);
    },
    decode: () => Promise.resolve(true),
    save: async (_sequence, file, tokens) => {
      seen.folder = path.dirname(file);
      const state = write(tokens);
      if (state instanceof Error) throw state;
      await writeFile(file, state);
      return state.length;
    },
    truncate: (_sequence, position) => {
      seen.held = position;
      return true;
    },
  };
  return { context, seen };
};

test('reads the layout off a state of two tokens, and leaves neither cells nor files', async () => {
  const { context, seen } = contextThat(fakeState);
  // The fake has no layers, which a state says as well.
  expect(await learnLayout(context)).toBeUndefined();
  const whole = contextThat((tokens) => Buffer.concat([fakeState(tokens), Buffer.alloc(8)]));
  const [part] = FAKE_LAYOUT.parts;
  expect(await learnLayout(whole.context)).toEqual({
    parts: [{ ...part, data: [{ words: [0, 0], bytesPerCell: 0 }] }],
  });
  for (const { held, folder } of [seen, whole.seen]) {
    expect(held).toBe(0);
    expect(existsSync(folder)).toBe(false);
  }
});

test('a state of a kind that is not known has no layout', async () => {
  expect(await learnLayout(contextThat(() => Buffer.alloc(64, 7)).context)).toBeUndefined();
  expect(await learnLayout(contextThat(() => new Uint8Array()).context)).toBeUndefined();
});

test('a state that cannot be written is an error, and leaves nothing', async () => {
  const { context, seen } = contextThat(() => new Error('no space left on device'));
  await expect(learnLayout(context)).rejects.toThrow('no space left on device');
  expect(seen.held).toBe(0);
  expect(existsSync(seen.folder)).toBe(false);
});
