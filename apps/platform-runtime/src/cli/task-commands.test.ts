import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCli } from './main.ts';
import { golek, home, startGolek, type RunningCli } from './spawn-cli.fixture.ts';
import { npyOf } from './tasks/npy.ts';
import { writeSmallModel } from './tasks/onnx-models.fixture.ts';

// Most tests start a program or several, each of which loads a model.
vi.setConfig({ testTimeout: 120_000 });

const MODELS = path.join(home, 'models');

beforeAll(() => {
  for (const name of ['embedder', 'classifier', 'tagger', 'ranker', 'tensors'] as const) writeSmallModel(MODELS, name);
});

const put = (name: string, content: string | Uint8Array): string => {
  const file = path.join(home, name);
  writeFileSync(file, content);
  return file;
};

type Line = Readonly<Record<string, unknown>>;

const linesOf = (text: string): Line[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));

/** The lines of a command that does what it should. */
const answered = async (args: readonly string[], input = ''): Promise<Line[]> => {
  const { code, out, err } = await golek(args, input);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return linesOf(out);
};

const TENSORS = {
  inputs: [
    { name: 'x', type: 'FP32', data: [[1, 2.5]] },
    { name: 'n', type: 'INT64', data: ['9007199254740993'] },
    { name: 't', type: 'BYTES', data: ['ä b'] },
  ],
};

describe('golek embed', () => {
  const cosine = (one: readonly number[], other: readonly number[]): number =>
    one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);

  test('gives each text its vector, by a model in a folder', async () => {
    const vectors = await answered(['embed', path.join(MODELS, 'embedder'), 'The cat', 'the dog', 'bad film']);
    expect(vectors.map(({ text }) => text)).toEqual(['The cat', 'the dog', 'bad film']);
    const [cat, dog, film] = vectors.map(({ embedding }) => embedding as number[]) as [number[], number[], number[]];
    expect(cosine(cat, cat)).toBeCloseTo(1, 6);
    expect(cosine(cat, dog)).toBeGreaterThan(cosine(cat, film));
    expect(cat.map((value) => Math.fround(value).toPrecision(9))).toEqual(cat.map((value) => value.toPrecision(9)));
  });

  test('reads a file of lines, keeps their order, and writes a file', async () => {
    const texts = Array.from({ length: 300 }, (_, index) => `the ${index % 3 === 0 ? 'cat ' : ''}film ${index}`);
    const input = put('texts.txt', `${texts.join('\n')}\n\n`);
    const output = path.join(home, 'vectors.jsonl');
    expect(await answered(['embed', 'embedder', '-i', input, '-o', output, '--concurrency', '16'])).toEqual([]);
    expect(linesOf(readFileSync(output, 'utf8')).map(({ text }) => text)).toEqual(texts);
  });

  test('takes lines of JSON, and gives their fields back', async () => {
    const lines = '{"id":1,"body":"the cat"}\n"the cat"\n';
    const answers = await answered(['embed', 'embedder', '--field', 'body', '--encoding', 'base64'], lines);
    const embedding = answers[1]?.['embedding'] as string;
    expect(answers).toEqual([
      { id: 1, body: 'the cat', embedding },
      { body: 'the cat', embedding },
    ]);
    expect(Buffer.from(embedding, 'base64')).toHaveLength(3 * 4);
  });

  const wrong = ['{"text":"good"}', '{', '{"body":"x"}', `{"text":"${'a '.repeat(30)}"}`, '5', '{"text":"bad"}'];

  test('ends at the first line that is wrong, and names it', async () => {
    const { code, out, err } = await golek(['embed', 'embedder', '-i', put('wrong.jsonl', wrong.join('\n'))]);
    expect(code).toBe(1);
    expect(linesOf(out)).toHaveLength(1);
    expect(err).toMatch(/^golek: line 2: it is no JSON: .* \[invalid_json\]/);
  });

  test('--keep-going gives wrong lines their errors', async () => {
    const { code, out, err } = await golek(['embed', 'embedder', '--field', 'text', '--keep-going'], wrong.join('\n'));
    expect(code).toBe(1);
    expect(err).toBe("golek: 4 of the inputs failed; their lines have an 'error'\n");
    const codes = linesOf(out).map(({ line, error }) => [line, (error as { code: string } | undefined)?.code]);
    expect(codes).toEqual([
      [undefined, undefined],
      [2, 'invalid_json'],
      [3, 'invalid_request'],
      [4, 'context_length_exceeded'],
      [5, 'invalid_json'],
      [undefined, undefined],
    ]);
  });

  test('what lies with the model ends it all the same', async () => {
    const { code, out, err } = await golek(['embed', '-m', 'classifier', '--keep-going', 'a', 'b']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^golek: model 'classifier' does not support the task 'embed'/);
  });
});

test('golek classify labels texts and pieces of texts', async () => {
  const [texts, pieces] = await Promise.all([
    answered(['classify', 'classifier', '--top', '1'], 'good film\nbad film\n'),
    answered(['classify', 'tagger', 'The John in London', 'the cat']),
  ]);
  const score = expect.any(Number);
  expect(texts).toEqual([
    { text: 'good film', labels: [{ label: 'positive', score }] },
    { text: 'bad film', labels: [{ label: 'negative', score }] },
  ]);
  expect(pieces).toEqual([
    {
      text: 'The John in London',
      entities: [
        { label: 'PER', score, start: 4, end: 8, text: 'John' },
        { label: 'LOC', score, start: 12, end: 18, text: 'London' },
      ],
    },
    { text: 'the cat', entities: [] },
  ]);
});

test('golek rerank orders documents, given one by one or with their queries', async () => {
  const score = expect.any(Number);
  const questions = '{"id":"q","query":"the","documents":["film","cat","dog"]}\n';
  const [file, lines] = await Promise.all([
    answered(['rerank', '-q', 'the', '--top', '2', '--field', 'd'], '{"id":1,"d":"dog"}\n\n"film"\n{"id":2,"d":"cat"}'),
    answered(['rerank', 'ranker', '--top', '2'], questions),
  ]);
  expect(file).toEqual([
    { id: 2, d: 'cat', score, index: 2 },
    { id: 1, d: 'dog', score, index: 0 },
  ]);
  expect(lines).toEqual([
    {
      ...JSON.parse(questions),
      results: [
        { index: 1, score },
        { index: 2, score },
      ],
    },
  ]);
});

describe('golek infer', () => {
  test('shows the outputs of one request, or writes them', async () => {
    const file = put('request.json', JSON.stringify(TENSORS, undefined, 2));
    const [text, json] = await Promise.all([
      golek(['infer', 'tensors', '-i', file]),
      answered(['infer', 'tensors', '-i', file, '--json', '--outputs', 'm,u']),
    ]);
    expect(text).toMatchObject({ code: 0, err: '' });
    expect(text.out).toBe('y FP32 [1, 2]\n  -1 -2.5\nm INT64 [1]\n  9007199254740993\nu BYTES [1]\n  "ä b"\n');
    expect(json).toEqual([
      {
        outputs: [
          { name: 'm', type: 'INT64', shape: [1], data: ['9007199254740993'] },
          { name: 'u', type: 'BYTES', shape: [1], data: ['ä b'] },
        ],
      },
    ]);
  });

  test('takes and gives NumPy arrays', async () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const x = put('x.npy', npyOf({ name: 'x', type: 'FP32', shape: [2, 2], data }));
    const n = put('n.json', '{"type":"INT64","data":[7]}');
    const t = put('t.json', '{"type":"BYTES","data":["a"]}');
    const saved = path.join(home, 'saved');
    const flags = [x, n, t].flatMap((file) => ['-t', `${path.basename(file)[0] ?? ''}=${file}`]);
    const { code, err } = await golek(['infer', 'tensors', ...flags, '--outputs', 'y,m', '--save', saved]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const negative = new Uint8Array(Float32Array.of(-1, -2, -3, -4).buffer);
    expect(readFileSync(path.join(saved, 'y.npy'))).toEqual(
      npyOf({ name: 'y', type: 'FP32', shape: [2, 2], data: negative }),
    );
    expect(readFileSync(path.join(saved, 'm.npy')).length).toBe(128 + 8);
  });

  test('answers a request a line', async () => {
    const line = JSON.stringify({ id: 7, ...TENSORS, outputs: ['y'] });
    expect(await answered(['infer', 'tensors'], `${line}\n`)).toEqual([
      { id: 7, outputs: [{ name: 'y', type: 'FP32', shape: [1, 2], data: [-1, -2.5] }] },
    ]);
  });
});

describe('a running server', () => {
  let server: RunningCli;
  let url: string;
  beforeAll(async () => {
    server = startGolek(['serve', '--models.bundled', 'false']);
    url = (await server.line(/^golek listens on /)).replace('golek listens on ', '');
    return async () => {
      server.child.kill('SIGTERM');
      await server.ended;
    };
  });

  test('answers the same commands', async () => {
    const request = put('server.json', JSON.stringify(TENSORS));
    const [vectors, labels, entities, ranks, tensors] = await Promise.all([
      answered(['embed', '--url', url, 'The cat']),
      answered(['classify', 'classifier', '--url', url, '--top', '1', 'good film']),
      answered(['classify', '--url', url, '-m', 'tagger', 'The John', 'the cat']),
      answered(['rerank', '--url', url, '-q', 'the', 'film', 'cat']),
      answered(['infer', 'tensors', '--url', url, '-i', request, '--json']),
    ]);
    const score = expect.any(Number);
    expect(vectors).toEqual([{ text: 'The cat', embedding: [0.156173766, 0.312347531, 0.937042594] }]);
    expect(labels).toEqual([{ text: 'good film', labels: [{ label: 'positive', score }] }]);
    expect(entities).toEqual([
      { text: 'The John', entities: [{ label: 'PER', score, start: 4, end: 8, text: 'John' }] },
      { text: 'the cat', entities: [] },
    ]);
    expect(ranks.map(({ text, index }) => [text, index])).toEqual([
      ['cat', 1],
      ['film', 0],
    ]);
    expect(tensors).toEqual([
      {
        outputs: [
          { name: 'y', type: 'FP32', shape: [1, 2], data: [-1, -2.5] },
          { name: 'm', type: 'INT64', shape: [1], data: ['9007199254740993'] },
          { name: 'u', type: 'BYTES', shape: [1], data: ['ä b'] },
        ],
      },
    ]);
  });

  test("its errors are the command's", async () => {
    const [long, several] = await Promise.all([
      golek(['embed', '--url', url], `good\n${'a '.repeat(30)}\n`),
      golek(['classify', '--url', url, 'good']),
    ]);
    expect(long).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^golek: line 2: .*\[context_length_exceeded\]/),
    });
    expect(linesOf(long.out)).toHaveLength(1);
    expect(several.err).toContain("has 2 models that do 'classify': name one of classifier, tagger");
  });
});

describe('Ctrl-C', () => {
  /** Answers the first `count` requests for a vector, and then none. */
  const stalling = async (count: number, onStall: () => void): Promise<string> => {
    let asked = 0;
    const server: Server = createServer((_, response) => {
      asked += 1;
      if (asked > count) return onStall();
      response.end(JSON.stringify({ data: [{ embedding: 'AACAPw==' }] }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  test('ends a command with whole lines only', async () => {
    const url = await stalling(3, () => void running.child.kill('SIGINT'));
    const output = path.join(home, 'ended.jsonl');
    const args = ['embed', '-m', 'x', '--url', url, '--concurrency', '1', '-o', output];
    const running = startGolek([...args, 'a', 'b', 'c', 'd', 'e']);
    const { code, err } = await running.ended;
    expect({ code, err }).toEqual({ code: 130, err: 'golek: ended with 3 complete lines written\n' });
    expect(readFileSync(output, 'utf8')).toMatch(/^(\{.*\}\n){3}$/);
    expect(linesOf(readFileSync(output, 'utf8')).map(({ text }) => text)).toEqual(['a', 'b', 'c']);
  });

  test('ends one that waits for input', async () => {
    const url = await stalling(9, () => undefined);
    const running = startGolek(['embed', '-m', 'x', '--url', url]);
    running.child.stdin.write('a\n');
    await running.line(/"text":"a"/);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
  });
});

test('a reader that has read enough ends a command without an error', async () => {
  const { child, ended } = startGolek(['embed', 'embedder', '-i', put('many.txt', 'the cat\n'.repeat(2_000))]);
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await ended).toMatchObject({ code: 0, err: '' });
});

describe('wrong use', () => {
  /** Runs a command that goes no further than its command line, in this process. */
  const refusal = async (args: readonly string[]): Promise<{ readonly code: unknown; readonly err: string }> => {
    let err = '';
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
    await runCli([...args, '--home', home]);
    const code = process.exitCode;
    process.exitCode = 0;
    spy.mockRestore();
    return { code, err: stripVTControlCharacters(err) };
  };

  test.each<[string[], string]>([
    [['embed', '-i', 'absent.txt'], '--input: ENOENT'],
    [['embed', '-i', 'absent.txt', 'word'], 'texts are given as words and by --input'],
    [['embed', '-o', '/absent/x', 'word'], '--output: ENOENT'],
    [['embed', '--concurrency', '0', 'word'], 'It must be a whole number from 1 to 256.'],
    [['embed', '--encoding', 'hex', 'word'], 'Allowed choices are float, base64.'],
    [['embed', '--token-env', 'X', 'word'], '--token-env goes with --url'],
    [['embed', MODELS, 'a'], 'has several models: name one of classifier/model.onnx'],
    [['embed', '-m', path.join(home, 'empty'), 'a'], 'is a folder without a model file'],
    [['rerank', 'a'], '--query is missing'],
    [['rerank', '--field', 'a'], '--field goes with --query'],
    [['infer', 'tensors', '-t', 'x'], '--tensor takes NAME=FILE'],
    [['infer', 'tensors', '-t', 'x=absent.npy'], '--tensor x=absent.npy: ENOENT'],
    [['infer', 'tensors', '-t', 'x=a', '-i', 'b'], 'by --tensor and by --input'],
    [['infer', 'tensors', '--save', 'x'], '--save takes the outputs of one request'],
    [['infer', 'absent.onnx', '-t', `x=${path.join(home, 'ok.json')}`], "'absent.onnx' is no known model"],
  ])('%j', async (args, message) => {
    put('ok.json', '{"type":"FP32","data":[1]}');
    mkdirSync(path.join(home, 'empty'), { recursive: true });
    expect(await refusal(args)).toEqual({ code: 2, err: expect.stringContaining(message) });
  });

  test('a file that is no picture or recording, or not there', async () => {
    const files = ['classify', 'classifier', '--files'];
    expect((await refusal([...files, 'cat.txt'])).err).toContain("'cat.txt' is no picture or recording");
    expect((await refusal([...files, 'cat.png'])).err).toContain('text 1: it cannot be read: ENOENT');
  });
});
