import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../config/platform-config.ts';
import { listModels } from './list-models.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'golek-models-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const put = async (name: string, text = 'GGUF'): Promise<string> => {
  const file = path.join(base, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
};

const list = async (yaml: string) => {
  const file = await put('home/golek.yaml', yaml);
  const settings = await loadSettings({ environment: { GOLEK_HOME: path.dirname(file) } });
  return listModels(settings, new AbortController().signal);
};

test('without anything there are the bundled models, and the one that chats is the default', async () => {
  expect(await list('')).toEqual({
    models: [
      { source: { name: 'golek-tiny', location: golekTiny.path }, origin: 'bundled' },
      { source: { name: 'golek-embed', location: golekEmbed.path }, origin: 'bundled' },
    ],
    default: 'golek-tiny',
    notes: [],
  });
});

test('configured models come first, then those found in the data folder and in named folders', async () => {
  await put('home/models/a/found.gguf');
  await put('shelf/other.gguf');
  await put('home/mine.gguf');
  const known = await list(
    'models:\n  list:\n    - { name: mine, path: mine.gguf, options: { parallel: 2 } }\n  folders: [../shelf]\n',
  );
  expect(known.models.map(({ source, origin }) => [source.name, origin, path.relative(base, source.location)])).toEqual(
    [
      ['mine', 'configured', 'home/mine.gguf'],
      ['found', 'discovered', 'home/models/a/found.gguf'],
      ['other', 'discovered', 'shelf/other.gguf'],
      ['golek-tiny', 'bundled', path.relative(base, golekTiny.path)],
      ['golek-embed', 'bundled', path.relative(base, golekEmbed.path)],
    ],
  );
  expect(known.models[0]?.source.options).toEqual({ parallel: 2 });
  expect(known.default).toBe('mine');
});

test('a configured model may take the name of a bundled one, and the bundled ones may be left out', async () => {
  const taken = await list('models: { list: [{ name: golek-tiny, path: x.gguf }] }');
  expect(taken.models.map(({ source, origin }) => [source.name, origin])).toEqual([
    ['golek-tiny', 'configured'],
    ['golek-embed', 'bundled'],
  ]);
  expect(taken.default).toBe('golek-tiny');
  const without = await list('models: { bundled: false }');
  expect(without).toEqual({ models: [], default: undefined, notes: [] });
});

test('a found file with the name of a bundled model gets another name', async () => {
  await put('home/models/shelf/golek-tiny.gguf');
  const { models, notes } = await list('');
  expect(models.map(({ source }) => source.name)).toEqual(['golek-tiny-shelf', 'golek-tiny', 'golek-embed']);
  expect(notes).toEqual([expect.stringContaining("the name 'golek-tiny' is taken")]);
});

test('a default that is no model is an error with the nearest name', async () => {
  await expect(list('models: { default: golek-tny }')).rejects.toThrow(
    "'models.default' names 'golek-tny', which is no known model; did you mean 'golek-tiny'?",
  );
});

test('two configured models of one name are refused', async () => {
  await expect(list('models: { list: [{ name: a, path: x }, { name: a, path: y }] }')).rejects.toThrow(
    /two models have the same name/,
  );
});
