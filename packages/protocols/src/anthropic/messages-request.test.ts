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
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' } }],
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
  [{ container: 'c' }, 'unsupported', 'container'],
  [{ thread: { type: 'create' } }, 'unsupported', 'thread'],
  [{ mcp_servers: [{ type: 'url', url: 'https://x', name: 'x' }] }, 'unsupported', 'mcp_servers[0]'],
  [
    { context_management: { edits: [{ type: 'compact_20260112' }] } },
    'unsupported',
    'context_management.edits[0].type',
  ],
  [{ speed: 'fast' }, 'unsupported', 'speed'],
  [{ inference_geo: 'eu' }, 'unsupported', 'inference_geo'],
  [tool({ type: 'web_search_20250305' }), 'unsupported', 'tools[0].type'],
  [tool({ input_examples: [{}] }), 'unsupported', 'tools[0].input_examples'],
  [
    content({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' } }),
    'unsupported',
    'messages[0].content[0].source.type',
  ],
  [
    content({
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'a' },
      citations: { enabled: true },
    }),
    'unsupported',
    'messages[0].content[0].citations.enabled',
  ],
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

test('what a service would take out of a conversation stays in, and whoever asked for more than nothing is told', () => {
  const warningsOf = (...edits: object[]) => readMessagesRequest({ ...body, context_management: { edits } }).warnings;
  const thinking = { type: 'clear_thinking_20251015' };
  expect(warningsOf()).toEqual([]);
  expect(warningsOf({ ...thinking, keep: 'all' })).toEqual([]);
  expect(warningsOf({ ...thinking, keep: { type: 'all' } })).toEqual([]);
  expect(
    warningsOf({ ...thinking, keep: { type: 'thinking_turns', value: 1 } }, { type: 'clear_tool_uses_20250919' }),
  ).toEqual([
    "'context_management.edits[0]' changed nothing: nothing is taken out of a conversation here",
    "'context_management.edits[1]' changed nothing: nothing is taken out of a conversation here",
  ]);
});

describe('what clients send to every model', () => {
  test('a document of plain text is read as text, with what stands above it, also as the result of a tool', () => {
    const source = { type: 'text', media_type: 'text/plain', data: 'Once.' };
    const document = { type: 'document', source, title: 'Tale', context: null, citations: { enabled: false } };
    const { request } = readMessagesRequest({
      ...body,
      ...content(document, { type: 'tool_result', tool_use_id: 'c', content: [{ type: 'document', source }] }),
    });
    expect(request.input).toMatchObject({
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Tale\n\nOnce.' }] },
        { role: 'tool', content: [{ type: 'text', text: 'Once.' }] },
      ],
    });
  });

  test('is taken, and told where it changes the answer', () => {
    const call = readMessagesRequest({ ...body, ...tool({ defer_loading: true }), mcp_servers: [] });
    expect(call.warnings).toEqual([]);
    expect(call.request.input).toMatchObject({ tools: [{ name: 'f' }] });
    const shown = (display: string) =>
      readMessagesRequest({ ...body, thinking: { type: 'adaptive', display } }).warnings;
    expect(shown('summarized')).toEqual([]);
    expect(shown('omitted')).toEqual(["'thinking.display' changed nothing: thinking is shown as the model wrote it"]);
  });
});

test.each([
  [[], 'the whole value is an array; send a JSON object'],
  ['x', 'the whole value is a string; send a JSON object'],
  [null, 'the whole value is null; send a JSON object'],
  [{ ...body, model: null }, "'model' is missing: expected string"],
])('%j says what is wrong', (json, message) => {
  expect(failure(() => readMessagesRequest(json))).toMatchObject({ code: 'invalid_request', message });
});
