import type Anthropic from '@anthropic-ai/sdk';
import { GolekError, type InferenceEvent, type Message } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { chat, chatInput, type ChatInput } from '../upstream.fixture.ts';
import { countBody, messageBody, type WireSettings } from './message-body.ts';

const SETTINGS: WireSettings = {
  stream: true,
  forwardUser: false,
  maxTokens: 4096,
  thinking: 'adaptive',
  cache: 'off',
  body: {},
};

/** The body, which has to be one of the official client's, and the warnings. */
const written = (
  input: Partial<ChatInput>,
  more: Partial<Parameters<typeof chat>[1]> = {},
  own: Partial<WireSettings> = {},
) => {
  const events: InferenceEvent[] = [];
  const request = { ...chat('hi'), input: chatInput('hi', input), ...more };
  const { body } = messageBody(request, 'claude', { ...SETTINGS, ...own }, events);
  const parsed = JSON.parse(body) as Anthropic.MessageCreateParamsStreaming;
  return { body: parsed, warnings: events.map((event) => event.type === 'warning' && event.message) };
};

const text = (words: string): Message['content'] => [{ type: 'text', text: words }];

describe('the body of a message', () => {
  it('always has a limit', () => {
    expect(written({}).body).toEqual({
      model: 'claude',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      stream: true,
    });
    expect(written({}, { maxTokens: 7 }).body.max_tokens).toBe(7);
  });

  it('has the first system messages apart, and turns of one role as one message', () => {
    const { body, warnings } = written({
      messages: [
        { role: 'system', content: text('Be brief.') },
        { role: 'system', content: text('Be kind.') },
        { role: 'user', content: text('a') },
        { role: 'assistant', content: text(''), toolCalls: [{ id: 'call:1', name: 'f', arguments: '' }] },
        { role: 'tool', toolCallId: 'call:1', content: text('1') },
        { role: 'tool', toolCallId: 'call:1', content: text('2'), isError: true },
        { role: 'user', content: text('b') },
        { role: 'system', content: text('In French.') },
      ],
    });
    expect(warnings).toEqual([]);
    expect(body.system).toEqual([
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.' },
    ]);
    expect(body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'f', input: {} }] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: '1' }] },
          { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: '2' }], is_error: true },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'system', content: [{ type: 'text', text: 'In French.' }] },
    ]);
  });

  it('tells what it cannot say', () => {
    const { body, warnings } = written({
      messages: [
        { role: 'user', name: 'ann', content: text('a') },
        {
          role: 'assistant',
          reasoning: 'Hm.',
          content: [],
          toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":' }],
        },
      ],
    });
    expect(warnings).toEqual([
      'names of messages are not sent: the Messages API has none',
      'reasoning of earlier turns is not sent: the service did not sign it',
      "the arguments of a call of 'f' are no JSON object: they are sent as INVALID_JSON",
    ]);
    expect(body.messages[1]?.content).toEqual([
      { type: 'tool_use', id: 'c', name: 'f', input: { INVALID_JSON: '{"a":' } },
    ]);
  });

  it('refuses an image where the API takes text only', () => {
    const source = { kind: 'base64', mediaType: 'image/png', data: 'AA==' } as const;
    const write = () => written({ messages: [{ role: 'assistant', content: [{ type: 'image', source }] }] });
    expect(write).toThrow(GolekError);
    expect(write).toThrow("in a message of the role 'assistant'");
  });

  it('says how much to think in the way of the model', () => {
    const thinking = (
      reasoning: NonNullable<ChatInput['reasoning']>,
      own: Partial<WireSettings> = {},
      maxTokens = 9000,
    ) => written({ reasoning }, { maxTokens }, own).body.thinking;
    expect(thinking({ enabled: false })).toEqual({ type: 'disabled' });
    expect(thinking({ enabled: true })).toEqual({ type: 'adaptive' });
    expect(thinking({ enabled: true, budgetTokens: 2000 })).toEqual({ type: 'enabled', budget_tokens: 2000 });
    expect(thinking({ enabled: true }, { thinking: 'budget' })).toEqual({ type: 'enabled', budget_tokens: 4500 });
    expect(thinking({ enabled: true }, { thinking: 'budget' }, 1500)).toEqual({ type: 'enabled', budget_tokens: 1024 });
    expect(thinking({})).toBeUndefined();
    expect(written({ reasoning: { effort: 'minimal' } }).body.output_config).toEqual({ effort: 'low' });
  });

  it('offers tools with a choice among them, and none without', () => {
    const tools = [{ name: 'f', parameters: { properties: {} } }];
    expect(written({ tools, parallelToolCalls: false }).body).toMatchObject({
      tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
    expect(written({ tools, toolChoice: { type: 'required' } }).body.tool_choice).toEqual({ type: 'any' });
    expect(written({ toolChoice: { type: 'none' } }).body.tool_choice).toBeUndefined();
  });

  it('has what the settings add', () => {
    const own = { cache: '1h', forwardUser: true, stream: false, body: { service_tier: 'standard_only' } } as const;
    expect(written({}, { user: 'u' }, own).body).toMatchObject({
      cache_control: { type: 'ephemeral', ttl: '1h' },
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
    });
    expect(written({}, { user: 'u' }).body.metadata).toBeUndefined();
  });
});

it('the body of a count is the prompt', () => {
  const input = chatInput('hi', { reasoning: { enabled: true }, tools: [{ name: 'f' }] });
  const { path, body } = countBody({ task: 'count', model: 'm', input }, 'claude', SETTINGS, []);
  const sent: Anthropic.MessageCountTokensParams = JSON.parse(body);
  expect([path, sent]).toEqual([
    '/messages/count_tokens',
    {
      model: 'claude',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      tools: [{ name: 'f', input_schema: { type: 'object' } }],
      thinking: { type: 'adaptive' },
    },
  ]);
});
