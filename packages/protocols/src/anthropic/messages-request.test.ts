import { describe, expect, it, test } from 'vitest';
import { GenerateRequest } from '@golek/api';
import { failure } from '../openai/failure.fixture.ts';
import { readCountTokensRequest, readMessagesRequest } from './messages-request.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = { model: 'm', max_tokens: 100, messages };
const user = { role: 'user', content: [{ type: 'text', text: 'hi' }] };

const read = (fields: object) => GenerateRequest.parse(readMessagesRequest({ ...body, ...fields }).request);

test('a request with all that it can say', () => {
  const { request, stream } = readMessagesRequest({
    ...body,
    max_tokens: 4000,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    stream: true,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    stop_sequences: ['END'],
    metadata: { user_id: 'u-1' },
    service_tier: 'auto',
    thinking: { type: 'enabled', budget_tokens: 2000 },
    output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
    tools: [{ name: 'f', description: 'does', input_schema: { type: 'object' }, strict: true, type: 'custom' }],
    tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
  });
  expect(stream).toBe(true);
  expect(GenerateRequest.parse(request)).toEqual({
    task: 'generate',
    model: 'm',
    input: {
      type: 'chat',
      messages: [{ role: 'system', content: [{ type: 'text', text: 'Be brief.' }] }, user],
      tools: [{ name: 'f', description: 'does', parameters: { type: 'object' }, strict: true }],
      toolChoice: { type: 'tool', name: 'f' },
      parallelToolCalls: false,
      reasoning: { enabled: true, effort: 'high', budgetTokens: 2000 },
    },
    maxTokens: 4000,
    user: 'u-1',
    sampling: { temperature: 0.5, topP: 0.9, topK: 40 },
    output: { type: 'json-schema', schema: { type: 'object' } },
    stop: ['END'],
  });
});

describe('messages', () => {
  it('results of tools are messages of their own, in their place', () => {
    const { input } = read({
      messages: [
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Signed.', signature: 'sig' },
            { type: 'thinking', thinking: ' Not signed.', signature: '' },
            { type: 'redacted_thinking', data: 'xyz' },
            { type: 'text', text: 'Let me see.', citations: null },
            { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 }, caller: { type: 'direct' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: 'no', is_error: true },
            { type: 'text', text: 'Go' },
            { type: 'text', text: ' on.' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            { type: 'image', source: { type: 'file', file_id: 'file-1' } },
          ],
        },
        { role: 'system', content: 'Now in French.' },
      ],
    });
    expect(input).toMatchObject({
      messages: [
        {
          role: 'assistant',
          content: [{ type: 'text', text: 'Let me see.' }],
          reasoning: 'Signed. Not signed.',
          reasoningBlocks: [{ text: 'Signed.', signature: 'sig' }, { redacted: 'xyz' }],
          toolCalls: [{ id: 'a', name: 'f', arguments: '{"x":1}' }],
        },
        { role: 'tool', toolCallId: 'a', isError: true, content: [{ type: 'text', text: 'no' }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Go' },
            { type: 'text', text: ' on.' },
            { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
            { type: 'image', source: { kind: 'url', url: 'golek-file:file-1' } },
          ],
        },
        { role: 'system', content: [{ type: 'text', text: 'Now in French.' }] },
      ],
    });
  });

  it('thinking is on, off, or left to the model', () => {
    const reasoning = (fields: object) => {
      const { input } = read(fields);
      return input.type === 'chat' ? input.reasoning : undefined;
    };
    expect(reasoning({})).toBeUndefined();
    expect(reasoning({ thinking: { type: 'disabled' } })).toEqual({ enabled: false });
    expect(reasoning({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } })).toEqual({
      enabled: true,
      effort: 'low',
    });
  });

  it('a count has the prompt only', () => {
    const { max_tokens: _, ...prompt } = body;
    expect(readCountTokensRequest({ ...prompt, system: 's' })).toEqual({
      task: 'count',
      model: 'm',
      input: { type: 'chat', messages: [{ role: 'system', content: [{ type: 'text', text: 's' }] }, user] },
    });
    expect(failure(() => readCountTokensRequest(body)).code).toBe('unknown_parameter');
  });
});

const content = (...blocks: object[]): object => ({ messages: [{ role: 'user', content: blocks }] });
const answered = (...blocks: object[]): object => ({ messages: [{ role: 'assistant', content: blocks }] });
const tool = (fields: object): object => ({ tools: [{ name: 'f', input_schema: {}, ...fields }] });

test.each<[object, string, string]>([
  [{ max_tokens: undefined }, 'invalid_request', 'max_tokens'],
  [{ max_tokens: 0 }, 'invalid_request', 'max_tokens'],
  [{ messages: [] }, 'invalid_request', 'messages'],
  [{ messages: [{ role: 'tool', content: 'x' }] }, 'invalid_request', 'messages[0].role'],
  [{ max_token: 5 }, 'unknown_parameter', 'max_token'],
  [{ thinking: { type: 'enabled', budget_tokens: 100 } }, 'invalid_request', 'thinking.budget_tokens'],
  [{ thinking: { type: 'enabled', budget_tokens: 2000 } }, 'invalid_request', 'thinking.budget_tokens'],
  [{ thinking: { type: 'between_tools' } }, 'unsupported', 'thinking.type'],
  [{ thinking: { type: 'adaptive', display: 'omitted' } }, 'unsupported', 'thinking.display'],
  [{ container: 'c' }, 'unsupported', 'container'],
  [{ thread: { type: 'create' } }, 'unsupported', 'thread'],
  [{ mcp_servers: [] }, 'unsupported', 'mcp_servers'],
  [{ context_management: {} }, 'unsupported', 'context_management'],
  [{ speed: 'fast' }, 'unsupported', 'speed'],
  [{ inference_geo: 'eu' }, 'unsupported', 'inference_geo'],
  [tool({ type: 'web_search_20250305' }), 'unsupported', 'tools[0].type'],
  [tool({ defer_loading: true }), 'unsupported', 'tools[0].defer_loading'],
  [tool({ input_examples: [{}] }), 'unsupported', 'tools[0].input_examples'],
  [content({ type: 'document', source: {} }), 'unsupported', 'messages[0].content[0].type'],
  [
    content({ type: 'image', source: { type: 'url', url: 'file:///etc' } }),
    'invalid_request',
    'messages[0].content[0].source.url',
  ],
  [content({ type: 'text', text: 'a', citations: [{}] }), 'unsupported', 'messages[0].content[0].citations[0]'],
  [answered({ type: 'server_tool_use', id: 'x' }), 'unsupported', 'messages[0].content[0].type'],
  [
    answered({ type: 'tool_use', id: 'x', name: 'f', input: 'text' }),
    'invalid_request',
    'messages[0].content[0].input',
  ],
])('%j is refused by name', (fields, code, path) => {
  const error = failure(() => readMessagesRequest({ ...body, ...fields }));
  expect([error.code, error.details?.['path']]).toEqual([code, path]);
});
