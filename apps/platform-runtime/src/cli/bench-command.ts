import { Command } from 'commander';
import { benchReport } from './bench/bench-report.ts';
import { runBench, type BenchResult } from './bench/bench-run.ts';
import { concurrencyList, wholeNumber, type BenchPlan } from './bench/bench-plan.ts';
import type { BenchTarget } from './bench/bench-target.ts';
import { interruptible } from './action.ts';
import { settingsOf, withConfiguration, type MappedFlag } from './common-options.ts';
import { serverAddress } from './server-client.ts';
import { styled } from './style.ts';
import { writeOut } from './write-out.ts';
import type { PlatformSettings } from '../config/platform-config.ts';

const EXAMPLES = `
Examples:
  $ golek bench
  $ golek bench ./llama.gguf --concurrency 1,8,32 --prompt-tokens 512
  $ golek bench --threads 2 --gguf.flashAttention=true
  $ golek bench golek-tiny --url http://127.0.0.1:11500   # a running server
  $ golek bench --json > before.json

Every answer has exactly --tokens tokens, and no two prompts begin alike. Ctrl-C ends it and shows what is measured so far.
In this process the model answers as many requests at once as --concurrency needs, unless gguf.parallel is set.`;

const FLAGS: readonly MappedFlag[] = [
  { flags: '--threads <number>', key: 'gguf.threads', description: 'threads of the model, in this process' },
];

interface BenchOptions {
  readonly concurrency: number[];
  readonly promptTokens: number;
  readonly tokens: number;
  readonly rounds: number;
  readonly url?: string;
  readonly tokenEnv?: string;
  readonly json?: boolean;
}

/** `golek bench`. */
export const benchCommand = (): Command =>
  withConfiguration(
    new Command('bench')
      .argument('[model]', 'name of a model, or a model file')
      .option('-c, --concurrency <list>', 'requests at a time', concurrencyList, [1, 2, 4, 8])
      .option('--prompt-tokens <number>', 'tokens of each prompt', wholeNumber(1, 1_000_000), 128)
      .option('-n, --tokens <number>', 'tokens of each answer', wholeNumber(1, 1_000_000), 128)
      .option('--rounds <number>', 'times that each is measured', wholeNumber(1, 1000), 3)
      .option('--url <address>', 'measure a running Golek server in place of a model in this process')
      .option('--token-env <name>', 'environment variable with the token for that server')
      .option('--json', 'print JSON')
      .addHelpText('after', EXAMPLES),
    FLAGS,
  ).action(interruptible(bench));

const bench = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { concurrency, promptTokens, tokens, rounds, json = false, ...options } = command.opts<BenchOptions>();
  const plan: BenchPlan = { concurrency, promptTokens, tokens, rounds };
  await using target = await openTarget(command, options, plan, signal);
  const progress = showProgress(rounds);
  let result: BenchResult;
  try {
    result = await runBench(target, plan, progress.show, signal);
  } finally {
    progress.clear();
  }
  if (json) {
    const { model, where } = target;
    await writeOut(`${JSON.stringify({ model, where, ...plan, ...result }, undefined, 2)}\n`);
  } else await writeOut(benchReport(target, plan, result, terminalColumns()));
  return 0;
};

/** Columns of the terminal that standard output is; a terminal that does not know says 0. */
const terminalColumns = (): number | undefined => (process.stdout.isTTY && process.stdout.columns) || undefined;

const openTarget = async (
  command: Command,
  options: Pick<BenchOptions, 'url' | 'tokenEnv'>,
  plan: BenchPlan,
  signal: AbortSignal,
): Promise<BenchTarget> => {
  const [model] = command.args;
  const address = serverAddress(options);
  if (address) {
    const { openServerTarget } = await import('./bench/server-target.ts');
    return openServerTarget(address, model, signal);
  }
  const { openLocalTarget } = await import('./bench/local-target.ts');
  return openLocalTarget(await roomySettings(command, plan), model, signal);
};

/** Settings with room for all requests of the plan, where the user has not chosen otherwise. */
const roomySettings = async (command: Command, plan: BenchPlan): Promise<PlatformSettings> => {
  const settings = await settingsOf(command);
  const isOpen = (key: string): boolean => settings.configuration.explain(key).layer === 'default';
  const extra = [
    ...(isOpen('gguf.parallel')
      ? [{ key: 'gguf.parallel', value: Math.max(...plan.concurrency), flag: '--concurrency' }]
      : []),
    // A little more than is needed: a full context would end an answer early.
    ...(isOpen('gguf.contextSize')
      ? [{ key: 'gguf.contextSize', value: plan.promptTokens + plan.tokens + 16, flag: '--tokens' }]
      : []),
  ];
  return extra.length === 0 ? settings : settingsOf(command, extra);
};

/** Says on a terminal, on one line of standard error, what is measured. */
const showProgress = (
  rounds: number,
): { readonly show: (level: number, round: number) => void; readonly clear: () => void } => {
  const stream = process.stderr;
  if (!stream.isTTY) return { show: () => undefined, clear: () => undefined };
  const clear = (): void => void stream.write('\r\u001b[K');
  return {
    clear,
    show: (level, round) => {
      clear();
      stream.write(styled(stream, 'dim', `${level} at a time, round ${round} of ${rounds}`));
    },
  };
};
