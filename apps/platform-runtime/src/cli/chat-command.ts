import type { WriteStream } from 'node:tty';
import { GolekError } from '@golek/api';
import type { DataFolder } from '@golek/core';
import { Command } from 'commander';
import { listModels } from '../models/list-models.ts';
import { interruptible } from './action.ts';
import { loadHistory, saveHistory } from './chat/chat-history.ts';
import type { ChatInput } from './chat/chat-input.ts';
import { chatLoop } from './chat/chat-loop.ts';
import { Conversation } from './chat/conversation.ts';
import { pipedInput } from './chat/piped-input.ts';
import { terminalInput } from './chat/terminal-input.ts';
import { chooseModel } from './choose-model.ts';
import { settingsOf, withConfiguration } from './common-options.ts';
import { UsageError } from './exit-code.ts';
import { openLocalModel } from './local-model.ts';
import { checkedRequest, generationOf, withSampling } from './sampling-flags.ts';
import { styled } from './style.ts';

const EXAMPLES = `
Examples:
  $ golek chat
  $ golek chat golek-tiny --system 'You answer in one sentence.'
  $ golek chat ./llama.gguf --temperature 0.7
  $ printf 'Hello!\\nWho are you?\\n' | golek chat

Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands. What you type is kept in the data folder for the
arrow keys, for you alone; --no-history keeps nothing. Plugins are loaded by golek serve, not here.`;

interface ChatOptions {
  readonly model?: string;
  readonly system?: string;
  readonly history: boolean;
}

/** `golek chat`. */
export const chatCommand = (): Command =>
  withConfiguration(
    withSampling(
      new Command('chat')
        .argument('[model]', 'name of a model, or a model file')
        .option('-m, --model <name|file>', 'the same, as a flag')
        .option('-s, --system <text>', 'system prompt')
        .option('--no-history', 'neither read nor write the lines typed in earlier chats'),
    ).addHelpText('after', EXAMPLES),
  ).action(interruptible(chat));

const chat = async (command: Command, signal: AbortSignal): Promise<number> => {
  const { model: flag, system, history } = command.opts<ChatOptions>();
  const { debug = false } = command.optsWithGlobals<{ debug?: boolean }>();
  const generation = await generationOf(command);
  const settings = await settingsOf(command);
  const known = await listModels(settings, signal);
  const chosen = chooseModel(known, flag ?? command.args[0], []);
  await using model = await openLocalModel(settings, chosen, signal);
  const { name, chatTemplate, contextLength } = model.manifest;
  if (chatTemplate === false) {
    throw new UsageError(
      `'${name}' has no chat template, so it cannot chat; use: golek run ${name} 'text to go on from'`,
    );
  }
  const conversation = new Conversation(system);
  conversation.ask('-');
  checkedRequest(conversation.request(name, generation));
  conversation.reset();
  const interactive = process.stdin.isTTY;
  if (interactive) {
    const context = contextLength === undefined ? '' : `, ${contextLength} tokens of context`;
    process.stderr.write(styled(process.stderr, 'dim', `${name}${context}; /help lists commands, Ctrl-D leaves\n`));
  }
  using input = interactive ? await openTerminal(settings.data, history) : pipedInput();
  const ended = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const ending: ChatInput = { ...input, next: () => Promise.race([input.next(), ended]) };
  return await chatLoop({ model, conversation, generation, input: ending, signal, interactive, debug });
};

const openTerminal = async (data: DataFolder, keepHistory: boolean): Promise<ChatInput> => {
  const terminal: WriteStream = process.stdout.isTTY ? process.stdout : process.stderr;
  let keeping = keepHistory;
  let saving = Promise.resolve();
  const save = async (lines: readonly string[]): Promise<void> => {
    if (!keeping) return;
    try {
      await saveHistory(data, lines);
    } catch (thrown) {
      keeping = false;
      process.stderr.write(`golek: what you type is not kept: ${GolekError.from(thrown).message}\n`);
    }
  };
  return terminalInput({
    terminal,
    prompt: styled(terminal, 'cyan', '>>> '),
    more: styled(terminal, 'cyan', '... '),
    history: keepHistory ? await loadHistory(data) : [],
    onHistory: (lines) => {
      // One after the other, so that the latest wins.
      saving = saving.then(() => save(lines));
    },
    hint: 'press Ctrl-C again to leave, or Ctrl-D, or write /exit',
  });
};
