import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InferenceEvent } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { golek, home, startGolek } from './spawn-cli.fixture.ts';

const ESCAPE = '\u001b';

/** Answers of golek-tiny at temperature 0. */
const WHO = 'Who are you?';
const NAME = /golek-tiny/;

const put = (name: string, text: string): string => {
  const file = path.join(home, name);
  writeFileSync(file, text);
  return file;
};

describe('the program', () => {
  test('prints its version, and its help when it is given nothing', async () => {
    const version = await golek(['--version']);
    expect(version).toMatchObject({ code: 0, err: '' });
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await golek([]);
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/Commands:[\s\S]*serve[\s\S]*run[\s\S]*chat[\s\S]*models[\s\S]*doctor[\s\S]*Exit codes:/);
  });

  test.each([
    [['srve'], "unknown command 'srve'\n(Did you mean serve?)"],
    [['serve', '--http.prot', '1'], "unknown option '--http.prot'\n(Did you mean --http.port?)"],
    [['serve', '--port', 'x'], "--port: 'http.port' must be an integer from 0 to 65535, got 'x'"],
    [['run', '--top-p', '4', 'hi'], "'sampling.topP' is invalid"],
    [['run', 'golek-tny', 'hi'], "did you mean 'golek-tiny'?"],
  ])('%j is wrong use: exit code 2 and one remark', async (args, remark) => {
    const { code, out, err } = await golek(args);
    expect(err).toContain(remark);
    expect(err).not.toMatch(/\n\s+at /);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });

  test('a mistake in golek.yaml is told with file, line and column', async () => {
    const file = put('wrong.yaml', 'http:\n  prt: 1\n');
    const { code, err } = await golek(['models', 'list', '--config', file]);
    expect(err).toContain(`${file}:2:3: unknown key 'http.prt'; did you mean 'http.port'?`);
    expect(code).toBe(2);
  });

  test('an error is one line with code and remedy; --debug adds the stack', async () => {
    const plain = await golek(['models', 'info', 'golek-tny']);
    expect(plain.code).toBe(1);
    expect(plain.err).toBe(
      "golek: no model is named 'golek-tny'; did you mean 'golek-tiny'? [model_not_found] Use a name from the list of models, or register the model first.\n",
    );
    const debug = await golek(['--debug', 'models', 'info', 'golek-tny']);
    expect(debug.err).toMatch(/\n {4}at /);
  });
});

describe('golek run', () => {
  test('answers a prompt, without colours where there is no terminal', async () => {
    const { code, out, err } = await golek(['run', '-t', '0', WHO]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(NAME);
    expect(out).not.toContain(ESCAPE);
    expect(out.endsWith('\n')).toBe(true);
  });

  test('takes the prompt from standard input, at its end or in place of -', async () => {
    const whole = await golek(['run', '-t', '0'], `${WHO}\n`);
    const marked = await golek(['run', '-t', '0', '--no-stream', 'golek-tiny', '-', 'you?'], 'Who are');
    expect(whole.out).toMatch(NAME);
    expect(marked.out).toBe(whole.out);
  });

  test('--json gives the events and the result, one JSON object a line', async () => {
    const schema = put('person.json', '{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}');
    const { code, out } = await golek([
      'run',
      '--json',
      '-t',
      '0',
      '--schema',
      schema,
      'Extract: Anna is 31 years old.',
    ]);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as InferenceEvent | { type: 'result' });
    expect(code).toBe(0);
    expect(lines[0]).toMatchObject({ type: 'start', model: 'golek-tiny', provider: 'gguf' });
    const text = lines.map((line) => (line.type === 'text' ? line.text : '')).join('');
    expect(JSON.parse(text)).toEqual({ name: expect.any(String) });
    expect(lines.at(-1)).toMatchObject({
      type: 'result',
      choices: [{ text, finish: 'stop' }],
      usage: { completionTokens: expect.any(Number) },
    });
  });

  test('a failure with --json is the last line, too', async () => {
    const broken = put('broken.gguf', 'this is no model');
    const { code, out, err } = await golek(['run', '--json', '--model', broken, 'hi']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ type: 'error', error: { code: 'model_invalid' } });
    expect(err).toContain('[model_invalid]');
  });

  test('ends without an error when its reader has read enough', async () => {
    const { child, ended } = startGolek(['run', '-t', '0', 'Tell a story about a fox.']);
    child.stdin.end();
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });

  test('Ctrl-C ends it with 130', async () => {
    const { child, line, ended } = startGolek(['run', '--json', '-t', '0', 'Tell a story about a fox.']);
    child.stdin.end();
    await line(/"type":"text"/);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });
});

describe('golek chat', () => {
  test('answers each line of a pipe and remembers the conversation', async () => {
    const saved = path.join(home, 'saved.json');
    const input = `Hello!\n"""\nWho are\nyou?\n"""\n/stats\n/save ${saved}\n/nothing\n/exit\nnot asked\n`;
    const { code, out, err } = await golek(['chat', '-t', '0'], input);
    expect(code).toBe(0);
    expect(out.trim().split('\n').length).toBe(2);
    expect(out).not.toContain(ESCAPE);
    expect(err).toMatch(/^2 answers, \d+ tokens generated, .*of 1024 tokens$/m);
    expect(err).toContain("no command is named '/nothing'");
    expect(existsSync(saved)).toBe(true);
    expect(existsSync(path.join(home, 'chat-history'))).toBe(false);
  });
});

describe('golek models', () => {
  test('lists what there is, with what is wrong', async () => {
    put('list.yaml', `models:\n  list:\n    - name: broken\n      path: broken.gguf\n`);
    put('broken.gguf', 'this is no model');
    const { code, out } = await golek(['models', 'list', '--config', path.join(home, 'list.yaml'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      default: 'broken',
      models: [
        { name: 'broken', origin: 'configured', error: { code: 'model_invalid' } },
        { name: 'golek-tiny', origin: 'bundled', manifest: { format: 'gguf', contextLength: 1024 } },
        { name: 'golek-embed', origin: 'bundled', manifest: { format: 'onnx', embeddingLength: 512 } },
      ],
    });
  });

  test('info gives the facts of one model', async () => {
    const { code, out } = await golek(['models', 'info', 'golek-tiny']);
    expect(code).toBe(0);
    expect(out).toMatch(/^architecture +llama$/m);
    expect(out).toMatch(/^context +1024 tokens$/m);
  });
});
