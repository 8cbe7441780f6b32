import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { golekTiny } from '@golek/model-tiny';
import type { GolekError } from '@golek/providers-spi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildNativeThreads } from './engine-build/build-native-threads.ts';
import { loadNativeThreads } from './native-threads.ts';
import { GgufProvider } from './provider.ts';

const signal = AbortSignal.timeout(120_000);
const has = async (program: string): Promise<boolean> =>
  promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  );
const canBuild = process.platform === 'linux' && (await has('c++')) && (await has('git'));

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'golek-threads-test-'))));
afterAll(() => rm(folder, { recursive: true }));

const failure = async (run: () => unknown): Promise<GolekError> => {
  try {
    await run();
  } catch (error) {
    return error as GolekError;
  }
  throw new Error('nothing was thrown');
};

const answer = async (nativeThreads: string | false): Promise<string> => {
  await using provider = new GgufProvider({ gpu: false, threads: 2, contextSize: 256, parallel: 2, nativeThreads });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  const run = async (): Promise<string> => {
    let text = '';
    const input = { type: 'text' as const, prompt: 'Golek is' };
    const request = { task: 'generate' as const, model: 'm', input, maxTokens: 24, sampling: { temperature: 0 } };
    for await (const event of session.run(request, { id: '1', signal })) if (event.type === 'text') text += event.text;
    return text;
  };
  const [first, second] = await Promise.all([run(), run()]);
  expect(second).toBe(first);
  return first;
};

// On a user's machine without a compiler there is nothing to test; CI must have one.
// eslint-disable-next-line no-restricted-properties -- a test, not the library
test.runIf(canBuild || process.env['CI'] === 'true')(
  'an addon that was built here gives the same answers, in several models one after the other',
  { timeout: 120_000 },
  async () => {
    const file = join(folder, 'threads.node');
    await buildNativeThreads({ file, signal });
    const without = await answer(false);
    expect(without.length).toBeGreaterThan(10);
    expect(await answer(file)).toBe(without);
    expect(await answer(file)).toBe(without);
    // A context that is not one of the binding's is refused, not followed.
    expect(() => loadNativeThreads(file)({}, 2)).toThrow('not a context of the binding');
  },
);

test('a file that is no addon is named, and a provider with it still works', { timeout: 60_000 }, async () => {
  const file = join(folder, 'wrong.node');
  await writeFile(file, 'not an addon');
  const error = await failure(() => loadNativeThreads(file));
  expect(error.code).toBe('model_load_failed');
  expect(error.message).toContain(file);
  expect(error.message).toContain('golek engine build');
  const warnings: string[] = [];
  const say = (_fields: object, message: string): void => void warnings.push(message);
  const log = { debug: () => undefined, info: () => undefined, warn: say, error: say };
  await using provider = new GgufProvider({ gpu: false, threads: 1, contextSize: 64, nativeThreads: file, log });
  await using session = await provider.open({ name: 'm', location: golekTiny.path }, { signal });
  expect(session.health().status).toBe('ok');
  expect(warnings).toContain('models run without lasting threads');
});

test('a missing compiler is named, with the package that has it', async () => {
  const error = await failure(() =>
    buildNativeThreads({ file: join(folder, 'x.node'), signal, compiler: 'no-such-compiler' }),
  );
  expect(error.code).toBe('unsupported');
  expect(error.message).toContain("'no-such-compiler' is needed");
});
