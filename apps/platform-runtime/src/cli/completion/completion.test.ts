import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { golekProgram } from '../program.ts';
import { bashCompletion } from './bash-completion.ts';
import { completionNodes, type CompletionNode } from './completion-tree.ts';
import { fishCompletion } from './fish-completion.ts';
import { zshCompletion } from './zsh-completion.ts';

let nodes: readonly CompletionNode[];
let folder: string;
beforeAll(async () => {
  nodes = completionNodes(await golekProgram(() => true));
  folder = mkdtempSync(path.join(tmpdir(), 'golek-completion-'));
  writeFileSync(path.join(folder, 'my model.gguf'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

const SETTINGS = ['limits.maxInputs', 'limits.maxTools', 'log.level'];

/** The shell asks `golek models list --names`; here a function answers. */
const STUB = 'golek() { printf "golek-tiny\\nllama\\n"; }';

const inBash = (words: readonly string[]): string[] => {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${STUB}\n${bashCompletion(nodes, SETTINGS)}\ncompopt() { :; }\nCOMP_WORDS=(golek ${quoted}); COMP_CWORD=${words.length}; _golek; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8', cwd: folder });
  return out.split('\n').filter((line) => line !== '');
};

test.each([
  [['s'], ['serve']],
  [
    ['targets', ''],
    ['list', 'reset', 'help'],
  ],
  [['models', 'list', '--n'], ['--names']],
  [['serve', '--po'], ['--port']],
  [['--home', 'x', 'serve', '--grace', ''], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['config', 'set', 'limits.'],
    ['limits.maxInputs', 'limits.maxTools'],
  ],
  [['config', 'explain', 'lo'], ['log.level']],
  [['config', 'set', 'log.level', ''], []],
  [['config', 'set', '--js'], ['--json']],
  [['run', 'gol'], ['golek-tiny']],
  [['chat', '--model', 'll'], ['llama']],
  [
    ['models', 'info', ''],
    ['golek-tiny', 'llama', 'my model.gguf'],
  ],
  [['serve', '--model', 'my'], ['my model.gguf']],
  [['serve', '--config', '=', 'my'], ['my model.gguf']],
  [['run', '--file', 'my'], ['my model.gguf']],
])('bash completes golek %j with %j', (words, expected) => {
  expect(inBash(words)).toEqual(expected);
});

test('bash offers every command and hides no option of serve', () => {
  const names = nodes[0]?.commands.map(({ name }) => name) ?? [];
  expect(names).toEqual(expect.arrayContaining(['serve', 'run', 'chat', 'models', 'routes', 'completion', 'help']));
  expect(inBash([''])).toEqual(names);
  expect(inBash(['serve', '-'])).toEqual(
    expect.arrayContaining(['--host', '--port', '-p', '--model', '--in-process', '--help']),
  );
});

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

test.skipIf(!has('fish'))('fish completes commands, options and models', () => {
  const complete = (line: string): string[] => {
    const script = `function golek; printf 'golek-tiny\\n'; end\n${fishCompletion(nodes, SETTINGS)}\ncomplete -C '${line}'`;
    return execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8', cwd: folder })
      .split('\n')
      .map((text) => text.split('\t')[0] ?? '');
  };
  expect(complete('golek ser')).toContain('serve');
  expect(complete('golek models ')).toEqual(expect.arrayContaining(['list', 'info']));
  expect(complete('golek serve --po')).toContain('--port');
  expect(complete('golek run gol')).toContain('golek-tiny');
  expect(complete('golek config get log')).toContain('log.level');
  expect(complete('golek completion ')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
});

test.skipIf(!has('zsh'))('zsh reads its script and completes in a terminal of its own', () => {
  const script = path.join(folder, 'golek.zsh');
  writeFileSync(script, zshCompletion(nodes, SETTINGS));
  expect(spawnSync('zsh', ['-n', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  const session = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "PS1=; autoload -U compinit; compinit -u -D; golek() { print golek-tiny; }; source ${script}; print re''ady"
    zpty -r shell line '*ready*'
    zpty -n -w shell $'golek serve --por\\t'
    zpty -r shell line '*--port*' && print -r -- "serve ok"
    zpty -n -w shell $'\\C-ugolek run golek-t\\t'
    zpty -r shell line '*iny*' && print -r -- "run ok"
    zpty -d shell`;
  const { stdout } = spawnSync('zsh', ['-f', '-c', session], { encoding: 'utf8', timeout: 20_000 });
  expect(stdout).toContain('serve ok');
  expect(stdout).toContain('run ok');
});
