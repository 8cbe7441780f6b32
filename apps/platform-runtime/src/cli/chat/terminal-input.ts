import { createInterface, type Key } from 'node:readline';
import type { WriteStream } from 'node:tty';
import type { ChatInput } from './chat-input.ts';
import { MessageLines } from './message-lines.ts';
import { MutableOutput } from './mutable-output.ts';

/** Asks the terminal to mark pasted text, so that its line breaks do not send it in pieces. */
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';

export interface TerminalInputOptions {
  readonly terminal: WriteStream;
  readonly prompt: string;
  /** Shown before the further lines of a message. */
  readonly more: string;
  /** Earlier lines, oldest first. */
  readonly history: readonly string[];
  /** Told all lines, oldest first, when one was added. */
  readonly onHistory: (lines: readonly string[]) => void;
  /** Tells the user that Ctrl-C at an empty prompt leaves when pressed again. */
  readonly hint: string;
}

/** Messages typed at a terminal, with line editing, history and multi-line paste. */
export const terminalInput = (options: TerminalInputOptions): ChatInput => {
  const { terminal, prompt, more, history, onHistory, hint } = options;
  const output = new MutableOutput(terminal);
  const reader = createInterface({
    input: process.stdin,
    output,
    terminal: true,
    history: [...history].reverse(),
    historySize: 1000,
    removeHistoryDuplicates: true,
  });
  const message = new MessageLines();
  const ready: string[] = [];
  let pasted: string[] = [];
  let pasting = false;
  let ended = false;
  let warned = false;
  let onStop: (() => void) | undefined;
  let waiting: ((message: string | undefined) => void) | undefined;

  const give = (): void => {
    if (!waiting || (ready.length === 0 && !ended)) return;
    const resolve = waiting;
    waiting = undefined;
    output.muted = true;
    resolve(ready.shift());
  };
  const ask = (): void => {
    reader.setPrompt(message.open ? more : prompt);
    reader.prompt(true);
  };

  reader.on('line', (line) => {
    warned = false;
    if (pasting) {
      pasted.push(line);
      return;
    }
    const complete = pasted.length > 0 ? [...pasted, line].join('\n') : message.add(line);
    pasted = [];
    if (complete !== undefined) ready.push(complete);
    if (waiting && ready.length === 0) ask();
    give();
  });
  const onKey = (_text: string | undefined, key: Key): void => {
    if (key.name === 'paste-start') pasting = true;
    else if (key.name === 'paste-end') pasting = false;
  };
  process.stdin.on('keypress', onKey);
  reader.on('history', (lines: string[]) => onHistory(lines.toReversed()));
  reader.on('SIGINT', () => {
    if (onStop) return onStop();
    if (reader.line === '' && pasted.length === 0 && !message.open) {
      if (warned) return reader.close();
      warned = true;
      terminal.write(`\n${hint}\n`);
    } else {
      terminal.write('\n');
    }
    message.drop();
    pasted = [];
    reader.write(null, { ctrl: true, name: 'e' });
    reader.write(null, { ctrl: true, name: 'u' });
    ask();
  });
  reader.on('close', () => {
    // What follows shall not stand behind the prompt.
    if (waiting) terminal.write('\n');
    ended = true;
    give();
  });
  terminal.write(PASTE_ON);

  return {
    next: () =>
      new Promise((resolve) => {
        waiting = resolve;
        output.muted = false;
        if (ready.length === 0 && !ended) ask();
        give();
      }),
    answering: (stop) => {
      onStop = stop;
    },
    answered: () => {
      onStop = undefined;
    },
    [Symbol.dispose]: () => {
      terminal.write(PASTE_OFF);
      process.stdin.off('keypress', onKey);
      reader.close();
      output.destroy();
    },
  };
};
