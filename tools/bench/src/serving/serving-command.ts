import { abortBench } from './abort.ts';
import { borderBench } from './border.ts';
import { fairBench } from './fair.ts';
import { longPrefillBench } from './long-prefill.ts';
import { prefixBench } from './prefix.ts';
import { conditions, servingRatios, servingTable, staggerLines, table, writeJson } from './report.ts';
import { readServingArgs, type ServingFlags, type ServingOptions } from './serving-options.ts';
import { servingBench } from './serving.ts';

interface Scenario extends Omit<ServingFlags, 'name'> {
  readonly title: (options: ServingOptions) => string;
  /** Results, and the lines that show them. */
  readonly run: (options: ServingOptions) => Promise<{ readonly results: unknown; readonly lines: readonly string[] }>;
}

const ms = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(value < 10 ? 1 : 0));
const kept = (result: { readonly kept: number; readonly taken: number }): string => `${result.kept} of ${result.taken}`;

const SCENARIOS = {
  serving: {
    title: ({ promptTokens, tokens, arrivals, requests }) =>
      `Serving: ${promptTokens} prompt + ${tokens} generated tokens over HTTP, arrivals ${arrivals}, ${requests} requests of ${arrivals === 'staggered' ? 'the last stream' : 'each stream'}`,
    defaults: {},
    without: [],
    run: async (options) => {
      const results = await servingBench(options);
      return { results, lines: [servingTable(results), ...staggerLines(results), ...servingRatios(results)] };
    },
  },
  prefix: {
    title: ({ promptTokens }) =>
      `Prefix: time to the first token of prompts whose first ${promptTokens} tokens are alike`,
    defaults: { 'prompt-tokens': '1000', warmup: '1' },
    without: ['streams', 'arrivals', 'requests', 'tokens'],
    run: async (options) => {
      const results = await prefixBench(options);
      const coldOf = (name: string): number =>
        results.find((other) => other.name === name && other.case === 'cold')?.firstTokenMs ?? NaN;
      const rows = results.map((result) => [
        result.name,
        result.case,
        ms(result.firstTokenMs),
        `${(result.firstTokenMs / coldOf(result.name)).toFixed(2)}×`,
        result.cachedTokens.toFixed(0),
        kept(result),
      ]);
      return { results, lines: [table(['side', 'case', 'TTFT ms', 'of cold', 'cached tokens', 'kept'], rows)] };
    },
  },
  'long-prefill': {
    title: ({ promptTokens }) => `Long prefill: a prompt of ${promptTokens} tokens arrives among decoding streams`,
    defaults: { streams: '4', 'prompt-tokens': '4000', warmup: '1' },
    without: ['arrivals', 'requests', 'tokens'],
    run: async (options) => {
      const results = await longPrefillBench(options);
      const rows = results.map((result) => [
        result.name,
        String(result.streams),
        ms(result.beforeP99),
        ms(result.duringP99),
        `${result.ratio.toFixed(2)}×`,
        ms(result.duringMax),
        ms(result.longFirstMs),
        kept(result),
      ]);
      const headings = [
        'side',
        'streams',
        'inter-token p99 before ms',
        'during ms',
        'ratio',
        'longest ms',
        'TTFT of the long ms',
        'kept',
      ];
      return { results, lines: [table(headings, rows)] };
    },
  },
  fair: {
    title: () => 'Fairness: 48 and 16 requests of two tenants at once, on 8 sequences of golek serve',
    defaults: { 'prompt-tokens': '32', tokens: '64' },
    without: ['sides', 'llama-server', 'peer-arg', 'streams', 'arrivals', 'requests', 'max-rounds', 'warmup'],
    run: async (options) => {
      const results = await fairBench(options);
      const rows = results.map((result) => [
        result.tenant,
        String(result.requests),
        String(result.answered),
        String(result.refused),
        `${(result.share * 100).toFixed(1)} %`,
        `${result.longestWait.toFixed(1)} s`,
      ]);
      const headings = ['tenant', 'requests', 'answered', 'refused', 'share while both wait', 'longest wait'];
      return { results, lines: [table(headings, rows)] };
    },
  },
  border: {
    title: () => 'Border: golek serve with its engine process beside the same scheduler in process',
    defaults: { streams: '1,8' },
    without: ['sides', 'llama-server', 'peer-arg', 'arrivals'],
    run: async (options) => {
      const results = await borderBench(options);
      return { results, lines: [servingTable(results), ...servingRatios(results)] };
    },
  },
  abort: {
    title: ({ promptTokens }) =>
      `Abort: from the client's abort to the first token of the next in the only place; long prompt of ${promptTokens} tokens`,
    defaults: { 'prompt-tokens': '4000', warmup: '1' },
    without: ['streams', 'arrivals', 'requests', 'tokens'],
    run: async (options) => {
      const results = await abortBench(options);
      const rows = results.map((result) => [result.name, result.case, ms(result.p50), ms(result.max), kept(result)]);
      return { results, lines: [table(['side', 'case', 'p50 ms', 'max ms', 'kept'], rows)] };
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;

/** `npm run bench -- serving`, and each other scenario by its name. */
export const servingCommand =
  (name: keyof typeof SCENARIOS) =>
  async (args: readonly string[]): Promise<void> => {
    const scenario: Scenario = SCENARIOS[name];
    const options = readServingArgs(args, { name, ...scenario });
    const { results, lines } = await scenario.run(options);
    console.log([`${scenario.title(options)}; ${conditions(options)}`, ...lines].join('\n'));
    await writeJson(name, options, results);
  };
