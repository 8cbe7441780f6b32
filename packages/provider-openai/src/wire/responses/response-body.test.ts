import type { InferenceEvent, Message } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { DIALECTS } from '../../dialect.ts';
import { chat } from '../../upstream.fixture.ts';
import type { WireSettings } from '../request-body.ts';
import { markProof } from './reasoning-proof.ts';
import { responseBody } from './response-body.ts';

const SETTINGS: WireSettings = {
  dialect: DIALECTS.openai,
  stream: true,
  streamUsage: true,
  forwardUser: false,
  extra: {},
};

type ChatInput = Extract<ReturnType<typeof chat>['input'], { type: 'chat' }>;

/** The body, and the warnings. */
const written = (
  input: Partial<ChatInput>,
  rest: Parameters<typeof chat>[1] = {},
  settings: Partial<WireSettings> = {},
) => {
  const events: InferenceEvent[] = [];
  const request = chat('hi', rest);
  const asked = { ...request, input: { ...(request.input as ChatInput), ...input } };
  const { body, path } = responseBody(asked, 'gpt', { ...SETTINGS, ...settings }, events);
  expect(path).toBe('/responses');
  const warnings = events.map((event) => (event.type === 'warning' ? event.message : event.type));
  return { body: JSON.parse(body) as OpenAI.Responses.ResponseCreateParamsStreaming, warnings };
};

const text = (words: string): Message['content'] => [{ type: 'text', text: words }];
const weather = { name: 'weather', description: 'Tells it.', parameters: { type: 'object' } };

describe('the body of a response', () => {
  it('has every option under its name on the wire', () => {
    const expected: OpenAI.Responses.ResponseCreateParamsStreaming = {
      model: 'gpt',
      instructions: 'Be brief.',
      input: [
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is this?' },
            { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' },
            { type: 'input_image', image_url: 'https://example.org/a.png', detail: 'auto' },
          ],
        },
        { type: 'message', role: 'assistant', content: 'I look.' },
        { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'rain' },
        { type: 'message', role: 'system', content: 'In French.' },
      ],
      // What is not asked to be strict is not: the API's default is another.
      tools: [
        { type: 'function', ...weather, strict: true },
        { type: 'function', name: 'now', parameters: null, strict: false },
      ],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      reasoning: { effort: 'low' },
      text: { format: { type: 'json_schema', name: 'a_person', schema: { type: 'object' }, strict: true } },
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 9,
      top_logprobs: 3,
      user: 'somebody',
      store: false,
      stream: true,
    };
    const { body, warnings } = written(
      {
        messages: [
          { role: 'system', content: text('Be brief.') },
          {
            role: 'user',
            content: [
              ...text('What is this?'),
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
              { type: 'image', source: { kind: 'url', url: 'https://example.org/a.png' } },
            ],
          },
          {
            role: 'assistant',
            content: text('I look.'),
            toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }],
          },
          { role: 'tool', toolCallId: 'c1', content: text('rain') },
          { role: 'system', content: text('In French.') },
        ],
        tools: [{ ...weather, strict: true }, { name: 'now' }],
        toolChoice: { type: 'tool', name: 'weather' },
        parallelToolCalls: false,
        reasoning: { effort: 'low' },
      },
      {
        sampling: { temperature: 0.5, topP: 0.9 },
        output: { type: 'json-schema', name: 'a person', schema: { type: 'object' } },
        maxTokens: 9,
        logprobs: { top: 3 },
        user: 'somebody',
      },
      { forwardUser: true },
    );
    expect(body).toEqual(expected);
    expect(warnings).toEqual([]);
  });

  it('has nothing that was not asked for', () => {
    const input = [{ type: 'message', role: 'user', content: 'hi' }];
    expect(written({}).body).toEqual({ model: 'gpt', input, store: false, stream: true });
    expect(written({ toolChoice: { type: 'none' } }, { user: 'u' }, { stream: false }).body).toEqual({
      model: 'gpt',
      input,
      store: false,
    });
    const only: Message[] = [{ role: 'system', content: text('Be brief.') }];
    expect(written({ messages: only }).body).toMatchObject({ input: [{ role: 'system', content: 'Be brief.' }] });
    expect(written({}, { logprobs: { top: 0 } }).body).not.toHaveProperty('top_logprobs');
  });

  it.each([
    [{ enabled: false }, { reasoning: { effort: 'none' } }],
    [{ enabled: true }, { reasoning: { effort: 'medium' }, include: ['reasoning.encrypted_content'] }],
    [
      { enabled: true, effort: 'high' as const },
      { reasoning: { effort: 'high' }, include: ['reasoning.encrypted_content'] },
    ],
  ])('has the effort of %j, and asks for proofs of reasoning only where there is some', (reasoning, fields) => {
    const plain = written({}).body;
    expect(written({ reasoning }).body).toEqual({ ...plain, ...fields });
  });

  it('has JSON without a schema in the words of the dialect', () => {
    const json = { output: { type: 'json' } } as const;
    expect(written({}, json).body.text).toEqual({ format: { type: 'json_object' } });
    expect(written({}, json, { dialect: DIALECTS['lm-studio'] }).body.text).toMatchObject({
      format: { type: 'json_schema', schema: { type: 'object' } },
    });
  });

  it("joins the model's own fields with what is asked", () => {
    const extra = {
      store: true,
      reasoning: { summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      text: { verbosity: 'low' },
      metadata: { a: 'b' },
    };
    const { body } = written({ reasoning: { effort: 'low' } }, { logprobs: { top: 1 } }, { extra });
    expect(body).toMatchObject({
      store: true,
      reasoning: { effort: 'low', summary: 'auto' },
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      text: { verbosity: 'low' },
      metadata: { a: 'b' },
    });
    expect(written({}, {}, { extra }).body.reasoning).toEqual({ summary: 'auto' });
  });
});

describe('reasoning of earlier turns', () => {
  const turn = (message: Partial<Extract<Message, { role: 'assistant' }>>) => {
    const messages: Message[] = [
      { role: 'user', content: text('hi') },
      { role: 'assistant', content: [], ...message },
    ];
    const { body, warnings } = written({ messages });
    return { items: (body.input as object[]).slice(1), warnings };
  };
  const proved = (place: number, kind: 'content' | 'summary', words: string) => ({
    text: words,
    signature: markProof({ place, kind, id: `rs_${words}`, encrypted: `proof:${words}` }),
  });

  it('goes back to where it stood, as it came', () => {
    const { items, warnings } = turn({
      content: text('Wait.'),
      reasoning: 'abc',
      reasoningBlocks: [proved(0, 'summary', 'a'), proved(1, 'content', 'b'), proved(2, 'summary', '')],
      toolCalls: [
        { id: 'c1', name: 'f', arguments: '{}' },
        { id: 'c2', name: 'g', arguments: '' },
      ],
    });
    expect(items).toEqual([
      {
        type: 'reasoning',
        id: 'rs_a',
        summary: [{ type: 'summary_text', text: 'a' }],
        encrypted_content: 'proof:a',
      },
      { type: 'message', role: 'assistant', content: 'Wait.' },
      {
        type: 'reasoning',
        id: 'rs_b',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'b' }],
        encrypted_content: 'proof:b',
      },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'reasoning', id: 'rs_', summary: [], encrypted_content: 'proof:' },
      { type: 'function_call', call_id: 'c2', name: 'g', arguments: '' },
    ]);
    expect(warnings).toEqual([]);
  });

  it('never stands behind the last item, and stands alone where there is none', () => {
    const late = { content: text('Done.'), reasoningBlocks: [proved(7, 'summary', 'a')] };
    expect(turn(late).items.map((item) => (item as { type: string }).type)).toEqual(['reasoning', 'message']);
    expect(turn({ reasoningBlocks: late.reasoningBlocks }).items).toMatchObject([{ type: 'reasoning' }]);
  });

  it('of others is left out, with a warning', () => {
    const others = [
      { text: 'a', signature: 'gemini:thought:xyz' },
      { text: 'b', signature: 'EqQB' },
      { redacted: 'responses:0:summary::c' },
    ];
    expect(turn({ content: text('x'), reasoningBlocks: others })).toEqual({
      items: [{ type: 'message', role: 'assistant', content: 'x' }],
      warnings: ['reasoning of earlier turns is not sent where another service signed it'],
    });
    expect(turn({ content: text('x'), reasoning: 'thought' }).warnings).toEqual([
      'reasoning of earlier turns is not sent: the service did not sign it',
    ]);
  });
});

it('says once what it cannot send', () => {
  const { body, warnings } = written({
    messages: [
      { role: 'system', content: text('s'), name: 'boss' },
      { role: 'user', content: text('a'), name: 'ann' },
      { role: 'assistant', content: [], toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'c', content: text('no'), isError: true },
      { role: 'tool', toolCallId: 'c', content: text('no'), isError: true },
    ],
    reasoning: { budgetTokens: 100 },
  });
  expect(body).not.toHaveProperty('instructions');
  expect(body).not.toHaveProperty('reasoning');
  expect(warnings).toEqual([
    'a budget of reasoning is not sent: the Responses API has efforts only',
    'names of messages are not sent: the Responses API has none',
    'that a tool failed is told by its result alone: the Responses API has no mark for it',
  ]);
});

it('sends images of tools as parts, and those of a system message as an item', () => {
  const image = { type: 'image', source: { kind: 'url', url: 'https://example.org/a.png' } } as const;
  const part = { type: 'input_image', image_url: 'https://example.org/a.png', detail: 'auto' };
  const { body } = written({
    messages: [
      { role: 'system', content: [image] },
      { role: 'tool', toolCallId: 'c', content: [image] },
    ],
  });
  expect(body.input).toEqual([
    { type: 'message', role: 'system', content: [part] },
    { type: 'function_call_output', call_id: 'c', output: [part] },
  ]);
});
