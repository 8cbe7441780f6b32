/** Golek's parts beside the least that does the same, in turn: `npm run bench -- gateway|telemetry|upstream|gguf [--rounds N] [--model FILE] [--threads N]`. */
import { parseArgs } from 'node:util';
import { cpus } from 'node:os';
import type { Comparison } from './alternate.ts';
import { gatewayBench } from './gateway.ts';
import { ggufBench } from './gguf.ts';
import { telemetryBench } from './telemetry.ts';
import { upstreamBench } from './upstream-clients.ts';

const print = (title: string, results: readonly Comparison[], unit: string, rounds: number): void => {
  console.log(
    `\n${title} (${rounds} pairs in turn, medians; ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version})`,
  );
  console.log(`| side | ${unit}/s | CPU µs/${unit} | samples kept |\n|---|---|---|---|`);
  for (const { name, perSecond, cpuMicros, kept, taken } of results) {
    console.log(`| ${name} | ${perSecond.toFixed(0)} | ${cpuMicros.toFixed(1)} | ${kept} of ${taken} |`);
  }
  for (let index = 0; index + 1 < results.length; index += 2) {
    const [golek, bare] = [results[index], results[index + 1]];
    if (!golek || !bare) continue;
    console.log(
      `${golek.name} / ${bare.name}: CPU ${(golek.cpuMicros / bare.cpuMicros).toFixed(2)}×, speed ${(golek.perSecond / bare.perSecond).toFixed(2)}×`,
    );
  }
};

/** Runs the named benchmarks; `others` are what `bench` can do besides. */
export const pairsCommand = async (args: readonly string[], others: readonly string[]): Promise<void> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '7' },
      model: { type: 'string' },
      threads: { type: 'string', default: '1' },
    },
  });
  const rounds = Number(values.rounds);
  const wanted = positionals.length > 0 ? positionals : ['gateway', 'gguf'];

  for (const bench of wanted) {
    if (bench === 'gateway')
      print(
        'Gateway: server with a fake provider',
        await gatewayBench({ rounds, plain: 20_000, streamed: 5_000 }),
        'request',
        rounds,
      );
    else if (bench === 'telemetry')
      print(
        'Telemetry: traces over OTLP',
        await telemetryBench({ rounds, plain: 10_000, streamed: 3_000 }),
        'request',
        rounds,
      );
    else if (bench === 'upstream')
      print('Upstream: reading a 20-chunk stream', await upstreamBench({ rounds, streams: 2_000 }), 'stream', rounds);
    else if (bench === 'gguf') {
      const options = {
        rounds,
        threads: Number(values.threads),
        tokens: 200,
        ...(values.model !== undefined && { model: values.model }),
      };
      print('GGUF: greedy generation', await ggufBench(options), 'token', rounds);
    } else {
      console.error(
        `no benchmark named '${bench}'; there are: gateway, telemetry, upstream, gguf, ${others.join(', ')}`,
      );
      process.exitCode = 2;
    }
  }
};
