import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { GenerateRequest, Message, ModelSession, Tool } from '@golek/providers-spi';
import { createGgufProvider } from './index.ts';
import { answer, chat, eventsOf, user } from './tiny-model.fixture.ts';
import { chatTemplate, tinyWithTemplate } from './tiny-template.fixture.ts';

const provider = createGgufProvider({ threads: 1, gpu: false, contextSize: 512, parallel: 1 });
const files: string[] = [];
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  for (const file of files) await rm(path.dirname(file), { recursive: true });
});

const open = async (template: string): Promise<ModelSession> => {
  const location = await tinyWithTemplate(template);
  files.push(location);
  return provider.open({ name: 'tiny', location }, { signal: new AbortController().signal });
};

describe('a model whose prompt begins the reasoning', () => {
  const template = chatTemplate(
    "' + ('<think>\\n\\n</think>\\n\\n' if enable_thinking is defined and not enable_thinking else '<think>\\n') + '",
  );

  test('thinks first, and answers behind it what the grammar asks for', async () => {
    await using session = await open(template);
    expect(session.capabilities.options).toContain('reasoning.enabled');
    expect(session.capabilities.options).not.toContain('reasoning.effort');
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
    const output = { type: 'json-schema', schema } as const;
    const thought = await answer(session, chat('Hello!', { output, maxTokens: 30 }));
    expect(thought.choices[0]).toMatchObject({ text: '', finish: 'length' });
    expect(thought.choices[0]?.reasoning).not.toBe('');
    expect(thought.usage).toMatchObject({ completionTokens: 30, reasoningTokens: 30 });
    const input: GenerateRequest['input'] = {
      type: 'chat',
      messages: [user('Hello!')],
      reasoning: { enabled: false },
    };
    const off = await answer(session, { ...chat('', { output, maxTokens: 30 }), input });
    expect(off.choices[0]?.reasoning).toBe('');
    expect(JSON.parse(off.choices[0]?.text ?? '')).toEqual({ ok: expect.any(Boolean) as boolean });
    expect(off.usage).toMatchObject({ reasoningTokens: 0 });
    const events = await eventsOf(session, chat('Hello!', { maxTokens: 5 }));
    expect(new Set(events.slice(0, -2).map(({ type }) => type))).toEqual(new Set(['reasoning']));
  });

  test('goes on with an answer that was begun, without thinking', async () => {
    await using session = await open(template);
    const said: Message = { role: 'assistant', content: [{ type: 'text', text: '3, 4, 5' }] };
    const input: GenerateRequest['input'] = { type: 'chat', messages: [user('Count from 3 to 9.'), said] };
    const { choices } = await answer(session, { ...chat('', { maxTokens: 24 }), input });
    expect(choices[0]).toMatchObject({ reasoning: '', text: ', 6, 7, 8, 9' });
  });
});

test('a model that may think need not', async () => {
  await using session = await open(chatTemplate('', "{% set x = '</think>' %}"));
  const { choices, usage } = await answer(session, chat('Count from 3 to 9.'));
  expect(choices[0]).toMatchObject({ reasoning: '', text: '3, 4, 5, 6, 7, 8, 9' });
  expect(usage?.reasoningTokens).toBe(0);
});

describe('tool calls of other families', () => {
  const tools: Tool[] = [
    {
      name: 'get_time',
      parameters: { type: 'object', properties: { zone: { enum: ['UTC', 'CET'] } }, required: ['zone'] },
    },
  ];
  const asking = (type: 'required' | 'auto'): GenerateRequest => ({
    ...chat('', { maxTokens: 200 }),
    input: {
      type: 'chat',
      messages: [user('What time is it?')],
      tools,
      toolChoice: { type },
      parallelToolCalls: false,
    },
  });

  test.each([
    ['mistral', "{% set x = '[TOOL_CALLS]' %}"],
    ['mistral-by-name', "{% set x = '[TOOL_CALLS][ARGS]' %}"],
    ['deepseek-r1', "{% set x = '<｜tool▁sep｜>```json' %}"],
    ['llama-3', `{% set x = '{"name": "f", "parameters": {}} ipython' %}`],
    ['qwen3-coder', "{% set x = '<function=f><parameter=a>' %}"],
    ['phi-4-mini', "{% set x = '<|tool_call|><|/tool_call|>' %}"],
  ])('%s, by the grammar and the parser together', async (_name, further) => {
    await using session = await open(chatTemplate('', further));
    const { choices } = await answer(session, asking('required'));
    expect(choices[0]).toMatchObject({ text: '', finish: 'tool-calls', toolCalls: [{ name: 'get_time' }] });
    expect(['{"zone":"UTC"}', '{"zone":"CET"}']).toContain(choices[0]?.toolCalls[0]?.arguments.replaceAll(/\s/g, ''));
    const free = await answer(session, asking('auto'));
    expect(['stop', 'tool-calls', 'length']).toContain(free.choices[0]?.finish);
  });

  test('of none that is known are refused', async () => {
    await using session = await open(chatTemplate());
    expect(session.capabilities.options).not.toContain('tools');
  });
});
