import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { golekTiny } from '@golek/model-tiny';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BINDING_VERSION } from '../binding.ts';
import { createGgufProvider, createIsolatedGgufProvider } from '../index.ts';
import { answer, chat, failure, openTiny, tinySource } from '../tiny-model.fixture.ts';
import { buildLlama } from './build-llama.ts';
import { activateEngine, processorName, readOwnEngines } from './engine-folder.ts';
import { fakeTools } from './fake-tools.fixture.ts';
import { layOutSources } from './llama-sources.ts';

const { signal } = new AbortController();
const model = golekTiny.path;

// Its cmake copies the prebuilt binary, so that everything but the compiler is real: what is built is loaded and answers.
describe.skipIf(process.platform === 'win32')('a build', { timeout: 120_000 }, () => {
  test('is configured, compiled, checked with a model, described, chosen and run', async () => {
    const { folder, source, calls } = await fakeTools();
    const steps: string[] = [];
    const onProgress = (line: string): void => void steps.push(line);
    const { name, binary, build } = await buildLlama({
      folder,
      source,
      model,
      jobs: 3,
      native: true,
      signal,
      onProgress,
    });
    expect(name).toBe(`llama.cpp-${build.release}-native-own-sources`);
    expect(build).toMatchObject({
      bindingVersion: BINDING_VERSION,
      native: true,
      processor: processorName(),
      compiler: 'c++ (fake) 14.1.0',
      source,
    });
    expect(steps).toEqual([
      'looking for the tools',
      'laying out the sources',
      'configuring',
      'compiling',
      '[ 50%] Building CXX object',
      'checking the build with a model',
    ]);
    const [, configure, compile] = (await readFile(calls, 'utf8')).trim().split('\n');
    expect(configure).toContain('-G Ninja');
    expect(configure).toContain('-DGGML_NATIVE=ON');
    expect(configure).toMatch(/-DCMAKE_JS_INC=\S+node;\S+node-addon-api/);
    expect(compile).toMatch(/--target llama-addon --parallel 3$/);
    // No working folder is left.
    expect(await readdir(folder)).toEqual([name]);

    expect((await readOwnEngines(folder)).active).toBeUndefined();
    await activateEngine(folder, name);
    expect((await readOwnEngines(folder)).active).toEqual({ name, binary, build });
    await using provider = createIsolatedGgufProvider({ binary, gpu: false, threads: 1 });
    const session = await provider.open(tinySource, { signal });
    expect((await answer(session, chat('Hello!'))).choices[0]?.text).toBe('Hello! How can I help you?');
    await activateEngine(folder, undefined);
    expect((await readOwnEngines(folder)).active).toBeUndefined();
  });

  test('with variants is what is made without --native', async () => {
    const { folder, source, calls } = await fakeTools();
    const { name } = await buildLlama({ folder, source, model, signal });
    expect(name).toMatch(/-variants-own-sources$/);
    expect(await readFile(calls, 'utf8')).toContain('-DGGML_CPU_ALL_VARIANTS=ON -DGGML_BACKEND_DL=ON');
  });

  test('that cannot be loaded does not count, and what was there stays', async () => {
    const { folder, source } = await fakeTools();
    const { name } = await buildLlama({ folder, source, model, signal });
    const broken = await mkdtemp(path.join(tmpdir(), 'golek-broken-'));
    onTestFinished(() => rm(broken, { recursive: true }));
    await writeFile(path.join(broken, 'llama-addon.node'), 'no library');
    const again = await fakeTools({ made: broken });
    const error = await failure(buildLlama({ folder, source: again.source, model, signal }), 'model_load_failed');
    expect(error.message).toContain('the new build does not work');
    expect(await readdir(folder)).toEqual([name]);
    expect((await readOwnEngines(folder)).builds[0]?.problem).toBeUndefined();
  });

  test('that the compiler refuses says what it said', async () => {
    const cmake = 'case "$1" in --build) echo "mmq.cpp:1: error: no such thing" >&2; exit 2 ;; esac';
    const { folder, source } = await fakeTools({ scripts: { cmake } });
    const error = await failure(buildLlama({ folder, source, model, signal }), 'unsupported');
    expect(error.message).toContain("'cmake --build' failed (2)");
    expect(error.message).toContain('mmq.cpp:1: error: no such thing');
    expect(await readdir(folder)).toEqual([]);
  });

  test('that is interrupted ends the compiler and leaves nothing', async () => {
    const cmake = 'case "$1" in --build) echo waiting; /bin/sleep 60 ;; esac';
    const { folder, source } = await fakeTools({ scripts: { cmake } });
    const user = new AbortController();
    const begun = performance.now();
    const onProgress = (line: string): void => {
      if (line === 'waiting') user.abort();
    };
    await failure(buildLlama({ folder, source, model, signal: user.signal, onProgress }), 'cancelled');
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    ['cmake', { cmake: '' }, 'apt-get install cmake'],
    ['c++', { 'c++': '' }, 'apt-get install g++'],
    ['make', { ninja: '' }, 'apt-get install make'],
  ])('without %s says which package has it', async (tool, scripts, remedy) => {
    const { folder, source } = await fakeTools({ scripts, only: true });
    const error = await failure(buildLlama({ folder, source, model, signal }), 'unsupported');
    expect(error.message).toContain(`'${tool}' is needed for this build and is not installed`);
    expect(error.message).toContain(remedy);
  });

  test('of a folder without sources is refused', async () => {
    const { folder } = await fakeTools();
    const error = await failure(buildLlama({ folder, source: tmpdir(), model, signal }), 'config_invalid');
    expect(error.message).toContain('holds neither llama.cpp');
  });
});

test('a process runs one build, on the CPU', async () => {
  await using _ = await openTiny().then(({ provider }) => provider);
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-second-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(
    path.join(folder, 'golek-engine.json'),
    JSON.stringify({ bindingVersion: BINDING_VERSION, release: 'v1' }),
  );
  const binary = path.join(folder, 'llama-addon.node');
  const second = createGgufProvider({ binary, gpu: false });
  const error = await failure(second.open(tinySource, { signal }), 'model_load_failed');
  expect(error.message).toContain('runs the installed build of llama.cpp already and cannot load');
  const onGpu = createGgufProvider({ binary, gpu: 'cuda' });
  expect((await failure(onGpu.open(tinySource, { signal }), 'config_invalid')).message).toContain('is for the CPU');
});

test('a changed addon takes the place of the packaged one, file by file', async () => {
  const { source } = await fakeTools();
  const own = path.dirname(source);
  await mkdir(path.join(own, 'addon'));
  await writeFile(path.join(own, 'addon/addon.cpp'), '// changed');
  const work = path.join(own, 'work');
  const { folder, release } = await layOutSources({ work, source: own, dropsTileStores: false, signal });
  expect(await readFile(path.join(folder, 'addon/addon.cpp'), 'utf8')).toBe('// changed');
  expect(await readdir(path.join(folder, 'addon'))).toContain('AddonContext.cpp');
  expect(await readdir(path.join(folder, 'llama.cpp'))).toEqual(['ggml']);
  expect(release).toMatch(/^\S+$/);
});

describe('the folder of own engines', () => {
  const folderWith = async (builds: Readonly<Record<string, object | undefined>>): Promise<string> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-engines-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    for (const [name, build] of Object.entries(builds)) {
      await mkdir(path.join(folder, name));
      await writeFile(path.join(folder, name, 'llama-addon.node'), '');
      if (build) await writeFile(path.join(folder, name, 'golek-engine.json'), JSON.stringify(build));
    }
    return folder;
  };
  const good = { bindingVersion: BINDING_VERSION, release: 'v1', native: true, processor: processorName() };

  test('tells why a build cannot be used here', async () => {
    const folder = await folderWith({
      a: good,
      b: { ...good, bindingVersion: '1.0.0' },
      c: { ...good, processor: 'Another one' },
      d: { ...good, processor: 'Another one', native: false },
      e: undefined,
    });
    const { builds } = await readOwnEngines(folder);
    expect(builds.map(({ name, problem }) => [name, problem])).toEqual([
      ['a', undefined],
      ['b', `it was built for node-llama-cpp 1.0.0, and ${BINDING_VERSION} is installed`],
      ['c', `it was built for the processor 'Another one' alone, and this is '${processorName()}'`],
      ['d', undefined],
      ['e', expect.stringContaining('golek-engine.json')],
    ]);
    expect((await failure(activateEngine(folder, 'c'), 'config_invalid')).message).toContain(
      "the build 'c' cannot be used",
    );
    expect((await failure(activateEngine(folder, 'ab'), 'config_invalid')).message).toContain(
      "no build of llama.cpp is named 'ab'",
    );
    await failure(activateEngine(folder, '../a'), 'config_invalid');
  });

  test('a build that was removed, and a choice that cannot be read, are told', async () => {
    const folder = await folderWith({ a: good });
    await activateEngine(folder, 'a');
    await rm(path.join(folder, 'a'), { recursive: true });
    expect((await readOwnEngines(folder)).active?.problem).toContain('there is no');
    await writeFile(path.join(folder, 'active.json'), '{"name":"../../etc"}');
    expect((await failure(readOwnEngines(folder), 'config_invalid')).message).toContain('active.json');
    expect(await readOwnEngines(path.join(folder, 'nowhere'))).toEqual({
      builds: [],
      active: undefined,
      nativeThreads: undefined,
    });
  });
});
