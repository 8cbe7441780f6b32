import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nativeThreadsFile, type OwnEngines } from '@golek/provider-gguf';
import { expect, onTestFinished, test } from 'vitest';
import { engineFor, engineOf, enginesFolder } from './chosen-engine.ts';

const none: OwnEngines = { active: undefined, builds: [], nativeThreads: undefined };
const active = { name: 'mine', binary: '/engines/mine/llama-addon.node', build: undefined };

test('the chosen build runs, with its own threads; else the addon beside the prebuilt one', () => {
  expect(engineOf('auto', none)).toEqual({});
  expect(engineOf('auto', { ...none, nativeThreads: '/t.node' })).toEqual({ nativeThreads: '/t.node' });
  expect(engineOf('auto', { ...none, active, nativeThreads: '/t.node' })).toEqual({
    binary: active.binary,
    nativeThreads: false,
  });
  expect(engineOf('prebuilt', { ...none, active, nativeThreads: '/t.node' })).toEqual({});
});

test('a build that cannot be used leaves the prebuilt one, and says so', () => {
  const broken = { ...active, problem: 'it was built for another' };
  expect(engineOf('auto', { ...none, active: broken, nativeThreads: '/t.node' })).toEqual({
    nativeThreads: '/t.node',
    note: "the own build 'mine' of llama.cpp is not used: it was built for another",
  });
});

test('nothing in the folder can stop a start', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-chosen-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const log = {
    debug: ignore,
    info: ignore,
    warn: (_: object, text: string) => void warnings.push(text),
    error: ignore,
  };
  expect(await engineFor(undefined, 'auto', log)).toEqual({});
  expect(await engineFor(home, 'auto', log)).toEqual({});
  await mkdir(enginesFolder(home));
  const threads = nativeThreadsFile(enginesFolder(home));
  await writeFile(threads, '');
  expect(await engineFor(home, 'auto', log)).toEqual({ nativeThreads: threads });
  expect(await engineFor(home, 'prebuilt', log)).toEqual({});
  await writeFile(path.join(enginesFolder(home), 'active.json'), '{"name":"gone"}');
  expect(await engineFor(home, 'auto', log)).toEqual({ nativeThreads: threads });
  await writeFile(path.join(enginesFolder(home), 'active.json'), 'no json');
  expect(await engineFor(home, 'auto', log)).toEqual({});
  expect(warnings).toEqual([
    expect.stringContaining("the own build 'gone' of llama.cpp is not used: there is no"),
    expect.stringContaining('names no build'),
  ]);
});
