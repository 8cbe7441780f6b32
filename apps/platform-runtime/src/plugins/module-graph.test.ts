import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ModuleGraph } from './module-graph.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'golek-modules-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
};

const load = async (name = 'main.ts', reads?: (file: string) => void): Promise<unknown> =>
  (await new ModuleGraph({ host: { own: 'host' } }, reads).load(path.join(root, name)))['default'];

test('TypeScript, await at the top, live bindings, JSON, dynamic imports, import.meta', async () => {
  await put({
    'main.ts': `
      import { counter, bump, type Shape } from './lib/counter.ts';
      import * as all from './lib/counter.js';
      import data from './data.json' with { type: 'json' };
      import { join } from 'node:path';
      import { own } from 'host';
      export enum Color { Red, Green }
      const shape = { side: 2 } satisfies Shape;
      const later = await Promise.resolve(3);
      const { twice } = await import('./lib/twice.ts');
      bump();
      bump();
      export default {
        counter, same: all.counter, data, later, shape, own, color: Color.Green, joined: join('a', 'b'), twice: twice(4),
        url: import.meta.url, dirname: import.meta.dirname, filename: import.meta.filename,
      };`,
    'lib/counter.ts': `export interface Shape { side: number }
      export let counter = 0;
      export const bump = (): void => { counter += 1; };`,
    'lib/twice.ts': 'export const twice = (n: number) => 2 * n;',
    'data.json': '{ "x": 1 }',
  });
  expect(await load()).toEqual({
    counter: 2,
    same: 2,
    data: { x: 1 },
    later: 3,
    shape: { side: 2 },
    own: 'host',
    color: 1,
    joined: 'a/b',
    twice: 8,
    url: `file://${root}/main.ts`,
    dirname: root,
    filename: `${root}/main.ts`,
  });
});

test('a file is run once for each load, however often it is imported, and circles end', async () => {
  await put({
    'main.ts': `import { a } from './a.ts'; import { b } from './b.ts'; import { state } from './state.ts';
      export default [a(), b(), state.runs];`,
    'a.ts': `import { state } from './state.ts'; import { b } from './b.ts'; export const a = () => (state.n += 1) + 0 * b.length;`,
    'b.ts': `import { state } from './state.ts'; import { a } from './a.ts'; export const b = () => (state.n += 1) + 0 * a.length;`,
    'state.ts': 'export const state = { n: 0, runs: (globalThis.golekRuns = (globalThis.golekRuns ?? 0) + 1) };',
  });
  expect(await load()).toEqual([1, 2, 1]);
  expect(await load()).toEqual([1, 2, 2]);
});

test('packages are found from the importing file, by the conditions of import, once for all loads', async () => {
  await put({
    'lib/main.ts': `import { dep } from 'esm-dep'; import old, { named } from 'cjs-dep'; export default [dep, old.named, named];`,
    'lib/node_modules/esm-dep/package.json': '{ "type": "module", "exports": { "import": "./i.js" } }',
    'lib/node_modules/esm-dep/i.js':
      'await null; export const dep = (globalThis.golekDeps = (globalThis.golekDeps ?? 0) + 1);',
    'lib/node_modules/cjs-dep/index.js': "exports.named = 'cjs';",
  });
  expect(await load('lib/main.ts')).toEqual([1, 'cjs', 'cjs']);
  expect(await load('lib/main.ts')).toEqual([1, 'cjs', 'cjs']);
});

test('a stack names file and line', async () => {
  await put({ 'main.ts': `type A = 1;\nexport default (): void => {\n  throw new Error('boom');\n};` });
  const thrower = (await load()) as () => void;
  let stack = '';
  try {
    thrower();
  } catch (error) {
    stack = (error as Error).stack ?? '';
  }
  expect(stack).toContain(`${root}/main.ts:3:`);
});

test.each<[string, Record<string, string>, string]>([
  [
    'a syntax error',
    { 'main.ts': 'const a = 1;\nconst b: = 2;' },
    'main.ts cannot be read as a module: Unexpected token (line 2, column',
  ],
  [
    'an error that only V8 sees',
    { 'main.ts': 'const a = 1;\nconst a = 2;\nexport default a;' },
    "main.ts:2: Identifier 'a' has already been declared",
  ],
  ['an unfinished file', { 'main.ts': 'export default {\n  a: [1, 2' }, 'main.ts cannot be read as a module: '],
  [
    'a missing file',
    { 'main.ts': "import a from './a.ts'; export default a;" },
    "main.ts imports './a.ts', which does not exist",
  ],
  [
    'a name without an ending',
    { 'main.ts': "import a from './a'; export default a;" },
    "main.ts imports './a'; write the whole name",
  ],
  [
    'a missing package',
    { 'main.ts': "import a from 'no-such-thing'; export default a;" },
    "imports 'no-such-thing', which failed",
  ],
])('%s is named with its place', async (_, files, message) => {
  await put(files);
  await expect(load()).rejects.toMatchObject({ code: 'plugin_invalid', message: expect.stringContaining(message) });
});

test('every file that counts is told, also the one that is missing', async () => {
  await put({ 'main.ts': "import './a.ts'; import './gone.ts';", 'a.ts': 'export {};' });
  const read: string[] = [];
  await expect(load('main.ts', (file) => read.push(path.relative(root, file)))).rejects.toThrow('gone.ts');
  expect(read).toContain('main.ts');
  expect(read).toContain('gone.ts');
});
