import { nearest } from '@golek/api';

/** The commands that may be typed in place of a message, with their help. */
export const CHAT_COMMANDS = {
  help: { usage: '/help', help: 'show this' },
  reset: { usage: '/reset', help: 'forget the conversation; the system prompt stays' },
  system: { usage: '/system [TEXT]', help: 'show the system prompt, or set it and forget the conversation' },
  save: { usage: '/save FILE', help: 'write the conversation to a file, as JSON' },
  stats: { usage: '/stats', help: 'show tokens and speed' },
  exit: { usage: '/exit', help: 'leave; Ctrl-D does too' },
} as const;

export type ChatCommandName = keyof typeof CHAT_COMMANDS;

export type ChatInputLine =
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'command'; readonly name: ChatCommandName; readonly argument: string }
  | { readonly type: 'unknown'; readonly message: string };

/** Tells commands from messages. `//` at the start sends a message that begins with `/`. */
export const readChatLine = (text: string): ChatInputLine => {
  if (!text.startsWith('/')) return { type: 'message', text };
  if (text.startsWith('//')) return { type: 'message', text: text.slice(1) };
  const [, word = '', argument = ''] = /^\/(\S*)\s*([\s\S]*)$/.exec(text) ?? [];
  if (Object.hasOwn(CHAT_COMMANDS, word))
    return { type: 'command', name: word as ChatCommandName, argument: argument.trim() };
  const hint = nearest(word, Object.keys(CHAT_COMMANDS));
  return {
    type: 'unknown',
    message: `no command is named '/${word}'${hint ? `; did you mean '/${hint}'?` : ''}; /help lists them`,
  };
};

/** The help text of `/help`. */
export const chatHelp = (): string => {
  const entries = Object.values(CHAT_COMMANDS);
  const width = Math.max(...entries.map(({ usage }) => usage.length));
  const keys = [
    'A line that ends in \\ goes on in the next one; """ starts and ends a message of many lines.',
    'Ctrl-C stops an answer; the arrow keys bring back what you wrote.',
  ];
  return [...entries.map(({ usage, help }) => `${usage.padEnd(width)}  ${help}`), ...keys].join('\n');
};
