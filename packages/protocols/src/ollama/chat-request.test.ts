import { expect, test } from 'vitest';
import { readChatRequest } from './chat-request.ts';

test.each(['tool_name', 'name'])("the result of a tool is for the tool's call, by '%s'", (key) => {
  const calls = ['time', 'weather'].map((name) => ({ function: { name, arguments: {} } }));
  const call = readChatRequest({
    model: 'm',
    messages: [
      { role: 'assistant', tool_calls: calls },
      { role: 'tool', content: '21', [key]: 'weather' },
      { role: 'tool', content: 'noon' },
    ],
  });
  expect(call).toMatchObject({
    request: {
      input: {
        messages: [
          { toolCalls: [{ id: 'call_0_0' }, { id: 'call_0_1' }] },
          { role: 'tool', toolCallId: 'call_0_1' },
          { role: 'tool', toolCallId: 'call_0_0' },
        ],
      },
    },
  });
});

test('options that Ollama does not know either are told, and those that cannot be done are refused', () => {
  const body = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
  const call = readChatRequest({ ...body, options: { top_k: 3, temprature: 1, [`a${'b'.repeat(200)}`]: {} } });
  expect(call).toMatchObject({
    request: { sampling: { topK: 3 } },
    warnings: ["'options.temprature' and 1 more changed nothing: there is no such option; did you mean 'temperature'?"],
  });
  expect(() => readChatRequest({ ...body, options: { mirostat: 1 } })).toThrow("'options.mirostat' is not supported");
});
