import { expect, test } from 'vitest';
import { CHAT_COMMANDS, chatHelp, readChatLine } from './chat-commands.ts';

test.each([
  ['Hello', { type: 'message', text: 'Hello' }],
  ['//etc/hosts is a file', { type: 'message', text: '/etc/hosts is a file' }],
  ['/exit', { type: 'command', name: 'exit', argument: '' }],
  ['/system  Be short.\nAnd kind. ', { type: 'command', name: 'system', argument: 'Be short.\nAnd kind.' }],
  ['/sav x', { type: 'unknown', message: "no command is named '/sav'; did you mean '/save'?; /help lists them" }],
  ['/toString', { type: 'unknown', message: "no command is named '/toString'; /help lists them" }],
])('%j', (text, expected) => {
  expect(readChatLine(text)).toEqual(expected);
});

test('the help names every command', () => {
  for (const { usage } of Object.values(CHAT_COMMANDS)) expect(chatHelp()).toContain(usage);
});
