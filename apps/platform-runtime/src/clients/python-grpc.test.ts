import { execFile, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGolek, startScripted, type RunningGolek } from '../running-golek.fixture.ts';

/** `usr` of Debian's python3-grpcio, python3-protobuf and their libraries, unpacked; without it what python3 has. */
const FOLDER = process.env['TEST_PYTHON_GRPC'];
/** Where the checks must not be left out. */
const REQUIRED = process.env['CI'] === 'true' || FOLDER !== undefined;

const librariesOf = (folder: string): string => {
  const lib = path.join(folder, 'lib');
  return readdirSync(lib)
    .filter((name) => name.includes('linux'))
    .map((name) => path.join(lib, name))
    .join(path.delimiter);
};

const environment = (): NodeJS.ProcessEnv =>
  FOLDER === undefined
    ? process.env
    : {
        ...process.env,
        PYTHONPATH: path.join(FOLDER, 'lib/python3/dist-packages'),
        LD_LIBRARY_PATH: librariesOf(FOLDER),
      };

/** What python3 says of the packages; undefined where it has them. */
const lacking = (): string | undefined => {
  try {
    const { status, stderr, error } = spawnSync('python3', ['-c', 'import grpc, google.protobuf'], {
      env: environment(),
      encoding: 'utf8',
    });
    return status === 0 ? undefined : (error?.message ?? stderr);
  } catch (error) {
    return String(error);
  }
};

const missing = lacking();
if (missing !== undefined && !REQUIRED)
  process.stderr.write(
    'python3-grpcio is not here: the checks with it are left out (Debian: apt-get install python3-grpcio, or TEST_PYTHON_GRPC=folder)\n',
  );

interface Output {
  readonly type: string;
  readonly shape: readonly number[];
  readonly values: readonly unknown[];
}

interface Report {
  readonly tensors: Readonly<Record<string, Output>>;
  readonly vectors: Readonly<Record<string, Output>>;
  readonly text: Readonly<Record<string, Output>>;
  readonly pieces: readonly string[];
}

const CLIENT = path.join(import.meta.dirname, 'kserve-client.py');

const python = async <T>(...args: readonly string[]): Promise<T> => {
  const { stdout } = await promisify(execFile)('python3', [CLIENT, ...args], { env: environment(), timeout: 25_000 });
  return JSON.parse(stdout) as T;
};

describe.runIf(missing === undefined || REQUIRED)("Debian's python3-grpcio", () => {
  const stack = new AsyncDisposableStack();
  let golek: RunningGolek;
  let scripted: RunningGolek;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`python3-grpcio is not usable from ${FOLDER ?? 'python3'}: ${missing}`);
    golek = stack.use(await startGolek());
    scripted = stack.use(await startScripted({ endless: { answer: ['one', ' two'], hang: { at: 1 } } }));
  }, 60_000);
  afterAll(() => stack.disposeAsync());

  test('server and models, raw and typed contents, a stream, failures, reflection', async () => {
    const embedded = await golek.run({ task: 'embed', model: 'golek-embed', inputs: ['a cat'] });
    const { tokens } = await golek.run({ task: 'tokenize', model: 'golek-embed', text: 'a cat', addSpecial: true });
    const { choices } = await golek.run({
      task: 'generate',
      model: 'golek-tiny',
      input: { type: 'text', prompt: 'Once upon' },
      maxTokens: 24,
      sampling: { temperature: 0 },
    });
    const text = choices[0]?.text ?? '';
    expect(text).not.toBe('');
    const report = await python<Report>(`127.0.0.1:${golek.grpcPort}`, JSON.stringify(tokens));
    expect(report).toMatchObject({
      live: true,
      ready: true,
      server: 'golek',
      model_ready: true,
      inputs: [
        ['input_ids', 'INT64', [-1, -1]],
        ['attention_mask', 'INT64', [-1, -1]],
      ],
      stream_errors: [expect.stringContaining("'absent'")],
      unknown: ['NOT_FOUND', expect.stringContaining("did you mean 'golek-tiny'")],
      wrong_type: ['INVALID_ARGUMENT', expect.stringContaining('expected BYTES')],
      unimplemented: ['UNIMPLEMENTED', expect.any(String)],
      otherwise: [],
    });
    expect(report.text['text_output']?.values).toEqual([text]);
    expect(report.pieces.join('')).toBe(text);
    expect(report.pieces.length).toBeGreaterThan(2);
    const [vector = new Float32Array()] = embedded.embeddings;
    const valuesOf = ({ type, shape, values }: Output = { type: '', shape: [], values: [] }): Float32Array => {
      expect([type, shape]).toEqual(['FP32', [1, 512]]);
      return Float32Array.from(values as number[]);
    };
    expect(valuesOf(report.vectors['embedding'])).toEqual(vector);
    // The graph's own vector, whose length Golek makes 1 once more.
    const graph = valuesOf(report.tensors['sentence_embedding']);
    expect(Math.max(...graph.map((value, index) => Math.abs(value - (vector[index] ?? 0))))).toBeLessThan(1e-6);
  });

  test('its deadline and its cancel free the run', async () => {
    const report = await python('hang', `127.0.0.1:${scripted.grpcPort}`);
    expect(report).toEqual({
      late: ['DEADLINE_EXCEEDED', expect.any(String)],
      first: ['one'],
      after: ['CANCELLED', expect.any(String)],
    });
    await expect.poll(() => scripted.inFlight()).toBe(0);
  });
});
