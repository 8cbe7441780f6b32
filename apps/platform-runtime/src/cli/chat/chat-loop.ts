import { writeFile } from 'node:fs/promises';
import { GolekError, type GenerateRequest } from '@golek/api';
import { expandPath } from '../../config/platform-config.ts';
import type { LocalModel } from '../local-model.ts';
import { showLoading } from '../loading-line.ts';
import { reportError } from '../report-error.ts';
import type { Generation } from '../sampling-flags.ts';
import { styled } from '../style.ts';
import { writeOut } from '../write-out.ts';
import { chatHelp, readChatLine, type ChatCommandName } from './chat-commands.ts';
import type { ChatInput } from './chat-input.ts';
import { answerLine, ChatStats, type AnswerStats } from './chat-stats.ts';
import type { Conversation } from './conversation.ts';

export interface ChatLoopOptions {
  readonly model: LocalModel;
  readonly conversation: Conversation;
  readonly generation: Generation;
  readonly input: ChatInput;
  /** Ends the whole chat. */
  readonly signal: AbortSignal;
  /** Show what is for people only: speed, notes. */
  readonly interactive: boolean;
  readonly debug: boolean;
}

/** Talks until the input ends. @returns the exit code: 1 when a message without a person at the terminal failed. */
export const chatLoop = async (options: ChatLoopOptions): Promise<number> => {
  const stats = new ChatStats();
  let code = 0;
  for (;;) {
    const text = await options.input.next();
    if (text === undefined || options.signal.aborted) return code;
    const line = readChatLine(text);
    if (line.type === 'unknown') note(line.message);
    else if (line.type === 'command') {
      if (line.name === 'exit') return code;
      await obey(line.name, line.argument, options, stats);
    } else if (line.text.trim() !== '') {
      const failed = await answer(line.text, options, stats);
      if (failed && !options.interactive) code = 1;
    }
  }
};

const note = (text: string): void => void process.stderr.write(`${styled(process.stderr, 'dim', text)}\n`);

const obey = async (
  name: Exclude<ChatCommandName, 'exit'>,
  argument: string,
  { conversation, model }: ChatLoopOptions,
  stats: ChatStats,
): Promise<void> => {
  switch (name) {
    case 'help':
      return note(chatHelp());
    case 'reset':
      conversation.reset();
      stats.reset();
      return note('the conversation starts anew');
    case 'system':
      if (argument === '') return note(conversation.system ?? 'there is no system prompt');
      conversation.system = argument;
      conversation.reset();
      return note('the system prompt is set; the conversation starts anew');
    case 'save':
      return save(argument, model.manifest.name, conversation);
    case 'stats':
      return note(stats.text(model.manifest.contextLength));
  }
};

const save = async (file: string, model: string, { messages }: Conversation): Promise<void> => {
  if (file === '') return note('/save needs the name of a file');
  const target = expandPath(file, '.');
  try {
    await writeFile(target, `${JSON.stringify({ model, messages }, undefined, 2)}\n`, { mode: 0o600 });
    note(`saved to ${target}`);
  } catch (thrown) {
    note(`not saved: ${(thrown as Error).message}`);
  }
};

/** Asks and prints the answer as it comes. A stopped answer stays in the conversation; a failed question does not. */
const answer = async (question: string, options: ChatLoopOptions, stats: ChatStats): Promise<boolean> => {
  const { conversation, model, generation, input, signal, interactive, debug } = options;
  const stop = new AbortController();
  conversation.ask(question);
  input.answering(() => stop.abort(new GolekError('cancelled', 'the answer was stopped')));
  const told = { text: '' };
  try {
    const request = conversation.request(model.manifest.name, generation);
    const measured = await tell(request, model, AbortSignal.any([signal, stop.signal]), told);
    if (measured) {
      stats.add(measured);
      if (interactive) note(answerLine(measured));
    }
    conversation.answered(told.text);
    return false;
  } catch (thrown) {
    if (told.text !== '') await writeOut('\n');
    if (stop.signal.aborted || signal.aborted) {
      if (told.text === '') conversation.takeBack();
      else conversation.answered(told.text);
      if (interactive && !signal.aborted) note('(stopped)');
      return false;
    }
    conversation.takeBack();
    reportError(thrown, debug);
    return true;
  } finally {
    input.answered();
  }
};

const tell = async (
  request: GenerateRequest,
  model: LocalModel,
  signal: AbortSignal,
  told: { text: string },
): Promise<AnswerStats | undefined> => {
  const asked = performance.now();
  let first: number | undefined;
  let stats: AnswerStats | undefined;
  using loading = showLoading(model.manifest.name, () => model.status());
  for await (const event of model.run(request, signal)) {
    loading[Symbol.dispose]();
    if (event.type === 'text') {
      first ??= performance.now();
      told.text += event.text;
      await writeOut(event.text);
    } else if (event.type === 'reasoning') {
      process.stderr.write(styled(process.stderr, 'dim', event.text));
    } else if (event.type === 'finish') {
      await writeOut('\n');
      if (event.reason === 'length') note('(ended at a token limit)');
    } else if (event.type === 'warning') {
      note(event.message);
    } else if (event.type === 'usage') {
      const started = first ?? performance.now();
      stats = { usage: event.usage, firstMs: started - asked, restMs: performance.now() - started };
    }
  }
  return stats;
};
