import { collect, GolekError, type GenerateRequest, type InferenceEvent, type ModelManifest } from '@golek/api';
import { Command } from 'commander';
import { listModels } from '../models/list-models.ts';
import { interruptible } from './action.ts';
import { chooseModel } from './choose-model.ts';
import { settingsOf, withConfiguration } from './common-options.ts';
import { UsageError } from './exit-code.ts';
import { showLoading } from './loading-line.ts';
import { openLocalModel } from './local-model.ts';
import { readPrompt } from './prompt-input.ts';
import { jsonPrinter, textPrinter, wholePrinter, type Printer } from './run-printers.ts';
import { checkedRequest, generationOf, withSampling, type Generation } from './sampling-flags.ts';

const EXAMPLES = `
Examples:
  $ golek run 'Tell a story about a fox.'
  $ golek run golek-tiny 'What is Golek?' --temperature 0
  $ golek run ./llama.gguf --file notes.txt 'Sum this up.'
  $ git diff | golek run 'Write a commit message for this change.'
  $ golek run --schema person.json --json 'Anna is 31 years old.' | tail -n 1

The first word is the model when it is the name of one or a model file; else the default model answers.
Standard input follows the prompt, or stands where the prompt has a '-'.
Plugins are loaded by golek serve, not here.`;

interface RunOptions {
  readonly model?: string;
  readonly system?: string;
  readonly file?: string[];
  readonly json?: boolean;
  readonly stream: boolean;
}

const append = (value: string, all: readonly string[] | undefined): string[] => [...(all ?? []), value];

/** `golek run`. */
export const runCommand = (): Command =>
  withConfiguration(
    withSampling(
      new Command('run')
        .argument('[words...]', 'model (optional) and prompt')
        .option('-m, --model <name|file>', 'model, so that every word belongs to the prompt')
        .option('-s, --system <text>', 'system prompt')
        .option('-f, --file <file>', 'text file that comes before the prompt; repeatable', append)
        .option('--json', 'one JSON object a line: every event, then the result')
        .option('--no-stream', 'print the answer when it is complete'),
    ).addHelpText('after', EXAMPLES),
  ).action(interruptible(run));

const run = async (command: Command, signal: AbortSignal): Promise<number> => {
  const options = command.opts<RunOptions>();
  const print = options.json ? jsonPrinter : options.stream ? textPrinter : wholePrinter;
  try {
    return await answer(command, options, print, signal);
  } catch (thrown) {
    if (options.json && !signal.aborted && !(thrown instanceof UsageError)) {
      await jsonPrinter.event({ type: 'error', error: GolekError.from(thrown).toJSON() });
    }
    throw thrown;
  }
};

const answer = async (command: Command, options: RunOptions, print: Printer, signal: AbortSignal): Promise<number> => {
  const generation = await generationOf(command);
  const settings = await settingsOf(command);
  const known = await listModels(settings, signal);
  const chosen = chooseModel(known, options.model, command.args);
  const { source, words } = chosen;
  const prompt = await readPrompt({ words, files: options.file ?? [] });
  await using model = await openLocalModel(settings, chosen, signal);
  const request = checkedRequest(requestFor(model.manifest, prompt, options.system, generation));
  using loading = showLoading(source.name, () => model.status());
  const events = model.run(request, signal, print === wholePrinter);
  const result = await collect(printing(events, print, loading));
  await print.end(result);
  return 0;
};

/** A model without a chat template continues the text as it is. */
const requestFor = (
  { name, chatTemplate }: ModelManifest,
  prompt: string,
  system: string | undefined,
  generation: Generation,
): GenerateRequest => {
  const text = (content: string) => [{ type: 'text' as const, text: content }];
  if (chatTemplate === false) {
    if (system !== undefined) throw new UsageError(`--system: '${name}' has no chat template and so no system prompt`);
    return { task: 'generate', model: name, input: { type: 'text', prompt }, ...generation };
  }
  const first = system === undefined ? [] : [{ role: 'system' as const, content: text(system) }];
  const messages = [...first, { role: 'user' as const, content: text(prompt) }];
  return { task: 'generate', model: name, input: { type: 'chat', messages }, ...generation };
};

async function* printing(
  events: AsyncIterable<InferenceEvent>,
  print: Printer,
  loading: Disposable,
): AsyncGenerator<InferenceEvent> {
  for await (const event of events) {
    loading[Symbol.dispose]();
    await print.event(event);
    yield event;
  }
}
