import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { GolekError, type NamedTensor, type Provider } from '@golek/providers-spi';
import { createOnnxProvider } from './index.ts';
import { readCases, type CaseTensor, type NodeCase } from './node-cases.fixture.ts';
import { elementsOf } from './tensors.fixture.ts';
import { readOnnxFile } from './onnx-file.ts';

// ONNX's own backend tests, as the Debian package libonnx-testdata has them (ONNX 1.12).

// The surroundings of a test run, as .ci/run makes them.
/* eslint-disable no-restricted-properties */
const GIVEN = process.env['TEST_ONNX_DATA'];
const FOLDER = GIVEN ?? '/usr/share/libonnx-testdata/data';
const REQUIRED = process.env['CI'] === 'true' || GIVEN !== undefined;
/* eslint-enable no-restricted-properties */
const HERE = existsSync(FOLDER);
if (!HERE && !REQUIRED)
  // eslint-disable-next-line no-console -- said to who runs the tests
  console.warn(
    "ONNX's node tests are not here, and left out (Debian: apt-get install libonnx-testdata, or TEST_ONNX_DATA=folder)",
  );

// ONNX Runtime judges these cases twice: its Python tests with the first two (onnx_backend_test_series_overrides.jsonc), its onnx_test_runner with 1e-3 for both.
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-5;

/** Sums that cancel out: how far they are from zero depends on the processor, so that the Python tests have exceptions for them. They are judged as by onnx_test_runner. */
const TRANSFORMS = /^node\/test_(dft|stft)/;
const TRANSFORM_ABSOLUTE = 1e-3;

/** What bare onnxruntime-node 1.30 passes with a simple harness. */
const LEAST_PASSED = 962;

/** What the runtime makes otherwise than ONNX's reference: random numbers, a digit more in a text, and three cases that its own tests leave out. */
const DIFFERENT =
  /^node\/test_(bernoulli|training_dropout|cast(like)?_FLOAT_to_STRING|maxunpool_export|resize_downsample_scales_(cubic|linear)_align)/;

type Outcome = 'passed' | 'refused' | 'mismatch' | 'failed';

interface Row {
  readonly name: string;
  readonly outcome: Outcome;
  readonly code?: string;
  readonly why?: string;
}

const close = (given: number | string, wanted: number | string, absolute: number): boolean => {
  if (typeof given === 'string' || typeof wanted === 'string') return given === wanted;
  if (Number.isNaN(wanted)) return Number.isNaN(given);
  return given === wanted || Math.abs(given - wanted) <= absolute + RELATIVE * Math.abs(wanted);
};

const difference = (name: string, given: NamedTensor | undefined, wanted: NamedTensor): string | undefined => {
  if (!given) return `output '${wanted.name}' is missing`;
  if (given.type !== wanted.type) return `${given.name} is ${given.type}, not ${wanted.type}`;
  if (given.shape.join() !== wanted.shape.join())
    return `${given.name} is [${given.shape.join()}], not [${wanted.shape.join()}]`;
  const expected = elementsOf(wanted);
  const absolute = TRANSFORMS.test(name) ? TRANSFORM_ABSOLUTE : ABSOLUTE;
  const at = elementsOf(given).findIndex((value, i) => !close(value, expected[i] ?? NaN, absolute));
  return at < 0 ? undefined : `${given.name}[${at}] is ${elementsOf(given)[at] ?? ''}, not ${expected[at] ?? ''}`;
};

/** The tensors of a case know their names, mostly; else their place tells. */
const named = ({ name, tensor }: CaseTensor, i: number, ports: readonly { readonly name: string }[]): NamedTensor => {
  const as = ports.some((port) => port.name === name) ? name : (ports[i]?.name ?? name);
  if (!tensor) throw new GolekError('unsupported', `the data of '${as}' is no tensor that a request can have`);
  return { ...tensor, name: as };
};

const runCase = async (provider: Provider, { name, model, sets }: NodeCase): Promise<Row> => {
  const signal = AbortSignal.timeout(20_000);
  try {
    await using session = await provider.open({ name, location: model }, { signal });
    const { header } = await readOnnxFile(model, signal);
    for (const set of sets) {
      const inputs = set.inputs.map((input, i) => named(input, i, header.inputs));
      const request = { task: 'tensor' as const, model: name, inputs };
      const outputs: NamedTensor[] = [];
      for await (const event of session.run(request, { id: name, signal }))
        if (event.type === 'tensor') outputs.push(event.tensor);
      for (const [i, output] of set.outputs.entries()) {
        const wanted = named(output, i, header.outputs);
        const why = difference(
          name,
          outputs.find((given) => given.name === wanted.name),
          wanted,
        );
        if (why !== undefined) return { name, outcome: 'mismatch', why };
      }
    }
    return { name, outcome: 'passed' };
  } catch (thrown) {
    if (!(thrown instanceof GolekError)) return { name, outcome: 'failed', why: String(thrown) };
    return { name, outcome: 'refused', code: thrown.code, why: thrown.message };
  }
};

test.runIf(HERE || REQUIRED)('every case passes or is refused by name', { timeout: 600_000 }, async () => {
  const cases = await readCases(FOLDER);
  expect(cases.length).toBeGreaterThan(1_000);
  await using provider = createOnnxProvider({ threads: 1, executionProvider: 'cpu' });
  const rows: Row[] = [];
  for (const each of cases) rows.push(await runCase(provider, each));
  const results = path.join(import.meta.dirname, '../test-results');
  await mkdir(results, { recursive: true });
  await writeFile(path.join(results, 'onnx-node-tests.md'), table(rows));
  const having = (outcome: Outcome): Row[] => rows.filter((row) => row.outcome === outcome);
  expect(having('failed')).toEqual([]);
  expect(having('mismatch').filter(({ name }) => !DIFFERENT.test(name))).toEqual([]);
  const codes = new Set(having('refused').map(({ code }) => code));
  expect([...codes].sort()).toEqual(['model_invalid', 'unsupported']);
  expect(having('passed').length).toBeGreaterThanOrEqual(LEAST_PASSED);
});

const table = (rows: readonly Row[]): string => {
  const cells = rows.map(({ name, outcome, code = '', why = '' }) => {
    const text = why.replaceAll('\n', ' ').replaceAll('|', '\\|').slice(0, 200);
    return `| ${name} | ${outcome} | ${code} | ${text} |`;
  });
  const count = (outcome: Outcome): string => `${rows.filter((row) => row.outcome === outcome).length} ${outcome}`;
  const summary = (['passed', 'refused', 'mismatch', 'failed'] as const).map(count).join(', ');
  return [
    `${rows.length} cases: ${summary}`,
    '',
    '| case | outcome | code | why |',
    '|---|---|---|---|',
    ...cells,
    '',
  ].join('\n');
};
