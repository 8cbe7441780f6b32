import { HumanMessage, ToolMessage, type AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import type { FakeModel } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { serve } from '../server.fixture.ts';

const modelAt = (url: string): ChatOpenAI =>
  new ChatOpenAI({
    model: 'tiny',
    apiKey: 'none',
    useResponsesApi: true,
    maxRetries: 0,
    configuration: { baseURL: `${url}/v1` },
  });

const WEATHER: FakeModel = {
  answer: (request) =>
    request.input.type === 'chat' && request.input.messages.some(({ role }) => role === 'tool')
      ? ['It is', ' 21 °C.']
      : [
          { type: 'reasoning', text: 'Where is it?' },
          { type: 'tool-call', index: 0, id: 'call_1', name: 'weather', arguments: '{"city":' },
          { type: 'tool-call', index: 0, arguments: '"Bonn"}' },
        ],
};
const weather = {
  type: 'function' as const,
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

test('LangChain, over the Responses API: tools, their results, streams', async () => {
  const { url } = await serve({ tiny: WEATHER });
  const model = modelAt(url).bindTools([weather]);
  const question = new HumanMessage('How warm is it in Bonn?');
  const asked = await model.invoke([question]);
  expect(asked.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Bonn' }, id: 'call_1' }]);
  const result = new ToolMessage({ tool_call_id: 'call_1', content: '21 °C' });
  const answer = await model.invoke([question, asked, result]);
  expect(answer.text).toBe('It is 21 °C.');

  let whole: AIMessageChunk | undefined;
  for await (const chunk of await model.stream([question])) whole = whole ? whole.concat(chunk) : chunk;
  expect(whole?.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Bonn' }, id: 'call_1' }]);
  const texts: string[] = [];
  for await (const { text } of await model.stream([question, asked, result])) if (text !== '') texts.push(text);
  expect(texts).toEqual(['It is', ' 21 °C.']);
});

test('LangChain: a failure is an error, also in the middle of a stream', async () => {
  const { url } = await serve({ tiny: { delayMs: 10, fail: { at: 2, code: 'provider_failed', message: 'on fire' } } });
  await expect(modelAt(url).invoke('hello')).rejects.toThrow('on fire');
  const read = async (): Promise<void> => {
    for await (const chunk of await modelAt(url).stream('hello')) expect(chunk).toBeDefined();
  };
  await expect(read()).rejects.toThrow('on fire');
});
