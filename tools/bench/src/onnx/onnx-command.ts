import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { pairedRatio, table } from '../serving/report.ts';
import { compareSides, type SideResult } from './compare-sides.ts';
import { readOnnxArgs } from './onnx-options.ts';

const resultTable = (results: readonly SideResult[]): string =>
  table(
    ['side', 'callers', 'sentences/s', 'p50 ms', 'p99 ms', 'CPU ms/sentence', 'kept'],
    results.map(({ name, callers, perSecond, p50, p99, cpuMs, kept, taken }) => [
      name,
      String(callers),
      perSecond.toFixed(0),
      p50.toFixed(2),
      p99.toFixed(2),
      cpuMs.toFixed(3),
      `${kept} of ${taken}`,
    ]),
  );

/** Golek in process beside each other side. */
const ratios = (results: readonly SideResult[]): string[] =>
  results
    .filter(({ name }) => name === 'golek')
    .flatMap((golek) =>
      results
        .filter(({ name, callers }) => name !== 'golek' && callers === golek.callers)
        .map((other) => {
          const ratio = (key: 'perSecond' | 'p99' | 'cpuMs'): string =>
            `${pairedRatio(golek, other, (sample) => sample[key]).toFixed(2)}×`;
          return `golek / ${other.name} at ${golek.callers}: speed ${ratio('perSecond')}, p99 ${ratio('p99')}, CPU ${ratio('cpuMs')}`;
        }),
    );

/** `npm run bench -- onnx`. */
export const onnxCommand = async (args: readonly string[]): Promise<void> => {
  const options = readOnnxArgs(args);
  const results = await compareSides(options);
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version };
  if (options.json !== undefined)
    await writeFile(
      options.json,
      `${JSON.stringify({ benchmark: 'onnx', machine, options, results }, undefined, 2)}\n`,
    );
  const { setup, sentences, rounds } = options;
  console.log(
    [
      `ONNX: embeddings of ${sentences} sentences; model ${path.basename(setup.file)}, ${setup.threads} engine thread${setup.threads === 1 ? '' : 's'}, ${rounds} rounds in turn, medians; ${machine.cores} cores, ${machine.cpu ?? 'unknown CPU'}, Node ${machine.node}`,
      resultTable(results),
      ...ratios(results),
    ].join('\n'),
  );
};
