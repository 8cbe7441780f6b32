import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { engineInfoText, type EngineInfo } from './engine-info.ts';
import { golek } from './spawn-cli.fixture.ts';

const FACTS: EngineInfo = {
  binding: {
    version: '3.22.1',
    release: 'v0.5.0',
    binary: '/opt/llama-addon.node',
    own: false,
    backend: 'cpu',
    cpuVariant: 'icelake',
    features: ['AVX', 'AVX2'],
    supported: [],
    possible: ['cuda'],
    gpus: [{ backend: 'cuda', binary: true, driver: false, used: false, reason: 'no driver for cuda was found' }],
    devices: [],
    supportsMmap: true,
    supportsMlock: false,
    system: 'CPU : AVX = 1 | AVX2 = 1',
  },
  threads: { threads: 3, most: 4, why: '4 cores, less one', logical: 4, physical: 4, quota: undefined },
  hugePages: { mode: 'madvise', glibc: '2.36', used: true, why: 'engine processes ask for them' },
  builds: [{ name: 'a', binary: '/engines/a/llama-addon.node', build: undefined, problem: 'it was built for another' }],
  memory: { limitBytes: 16_000_000_000, availableBytes: 8_000_000_000 },
  settings: { gpu: 'auto', mlock: false },
};

test('the facts are shown a line each', () => {
  expect(stripVTControlCharacters(engineInfoText(FACTS))).toBe(
    `llama.cpp        v0.5.0 through node-llama-cpp 3.22.1
binary           prebuilt, /opt/llama-addon.node
back end         CPU
CPU variant      icelake
CPU features     AVX AVX2
GPU              cuda: no driver for cuda was found
threads          3: 4 cores, less one
lasting threads  not built here: golek engine build
huge pages       yes: engine processes ask for them
mmap, mlock      yes, no
memory           8.0 GB available, 16.0 GB for models
settings         gpu auto, mlock false
build a          cannot be used: it was built for another
`,
  );
});

test('threads that were set are told beside those that would be', () => {
  const text = engineInfoText({ ...FACTS, threads: { ...FACTS.threads, configured: 7 } });
  expect(stripVTControlCharacters(text)).toContain('7: gguf.threads (without it 3: 4 cores, less one)');
});

test('golek engine tells what runs here, and refuses what cannot be', { timeout: 120_000 }, async () => {
  const [info, json, use, jobs, jobsOfNothing] = await Promise.all([
    golek(['engine', 'info']),
    golek(['engine', 'info', '--json', '--gguf.threads', '2']),
    golek(['engine', 'use', 'nothing']),
    golek(['engine', 'build', '--full', '--jobs', 'x']),
    golek(['engine', 'build', '--jobs', '2']),
  ]);
  expect(info.code).toBe(0);
  expect(info.out).toMatch(/^llama\.cpp +\S+ through node-llama-cpp \S+\nbinary +prebuilt, /);
  expect(JSON.parse(json.out)).toMatchObject({
    binding: { own: false, gpus: expect.any(Array) },
    threads: { configured: 2, threads: expect.any(Number), why: expect.any(String) },
    builds: [],
  });
  expect(use).toMatchObject({ code: 2, err: expect.stringContaining("no build of llama.cpp is named 'nothing'") });
  expect(jobs).toMatchObject({ code: 2, err: expect.stringContaining("--jobs takes a number of at least 1, got 'x'") });
  expect(jobsOfNothing).toMatchObject({ code: 2, err: expect.stringContaining('--jobs goes with --full') });
  expect(await golek(['engine', 'use', 'prebuilt'])).toMatchObject({ code: 0 });
});
