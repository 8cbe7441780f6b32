import { GenerateRequest, textOf } from '@golek/api';
import { expect, test } from 'vitest';
import { Conversation } from './conversation.ts';

const spoken = ({ messages }: Conversation): string[] =>
  messages.map(({ role, content }) => `${role}: ${textOf(content)}`);

test('keeps the turns, takes back a question, starts anew with the system prompt', () => {
  const conversation = new Conversation('Be short.');
  conversation.ask('One?');
  conversation.answered('One.');
  conversation.ask('Two?');
  conversation.takeBack();
  conversation.takeBack();
  expect(spoken(conversation)).toEqual(['system: Be short.', 'user: One?', 'assistant: One.']);
  expect(GenerateRequest.safeParse(conversation.request('m', { maxTokens: 5 })).success).toBe(true);
  conversation.reset();
  expect(spoken(conversation)).toEqual(['system: Be short.']);
});
