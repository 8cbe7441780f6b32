import { CountRequest, GenerateRequest, GolekError } from '@golek/api';
import fc from 'fast-check';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { samplingFields } from '../common-fields.ts';
import { failure } from '../failure.fixture.ts';
import { readMediaFile } from '../media-url.ts';
import { conversationItems } from './input-items.ts';
import { ResponseRequest, type InputTokensRequest } from './response-body.ts';
import { countRequest, generateRequest, readInputTokensRequest, readResponseRequest } from './response-request.ts';

type Official = OpenAI.Responses.ResponseCreateParams;
type Extension =
  | Exclude<keyof typeof samplingFields, 'temperature' | 'top_p'>
  | 'stop'
  | 'grammar'
  | 'lora'
  | 'chat_template_kwargs'
  | 'client_metadata';

const body = (fields: object): object => ({ model: 'm', input: 'hello', ...fields });
const read = (fields: object): GenerateRequest => {
  const call = readResponseRequest(body(fields));
  return GenerateRequest.parse(
    generateRequest(
      call,
      conversationItems(call.input, 'k', () => undefined),
    ),
  );
};
const inputOf = (fields: object): unknown => read(fields).input;
const messagesOf = (input: unknown): unknown => {
  const read = inputOf({ input });
  return typeof read === 'object' && read && 'messages' in read ? read.messages : undefined;
};
const refusal = (fields: object): GolekError => failure(() => read(fields));

test('every parameter of the official client is known, and nothing else but the extensions', () => {
  expectTypeOf<keyof typeof ResponseRequest.shape>().toEqualTypeOf<keyof Official | Extension>();
  expectTypeOf<keyof typeof InputTokensRequest.shape>().toEqualTypeOf<keyof OpenAI.Responses.InputTokenCountParams>();
});

test('a request with all that it can say', () => {
  const sent: Official = {
    model: 'm',
    instructions: 'Be brief.',
    input: [
      { role: 'developer', content: 'In French.' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'done' },
    ],
    tools: [{ type: 'function', name: 'f', description: 'does', parameters: { type: 'object' }, strict: true }],
    tool_choice: { type: 'function', name: 'f' },
    parallel_tool_calls: false,
    reasoning: { effort: 'high', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true }, verbosity: 'medium' },
    temperature: 0.5,
    top_p: 0.9,
    max_output_tokens: 100,
    top_logprobs: 3,
    include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
    store: false,
    stream: true,
    stream_options: { include_obfuscation: false },
    truncation: 'disabled',
    metadata: { k: 'v' },
    user: 'old',
    safety_identifier: 'u1',
    service_tier: 'auto',
    prompt_cache_key: 'k',
    prompt_cache_retention: 'in_memory',
    background: false,
  };
  const call = readResponseRequest(sent);
  expect(call).toMatchObject({ stream: true, store: false, background: false, showProofs: true });
  expect(read(sent)).toEqual({
    task: 'generate',
    model: 'm',
    user: 'u1',
    input: {
      type: 'chat',
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'system', content: [{ type: 'text', text: 'In French.' }] },
        { role: 'user', content: [{ type: 'text', text: 'hello' }] },
        {
          role: 'assistant',
          content: [],
          reasoning: 'Hm.',
          toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }],
        },
        { role: 'tool', content: [{ type: 'text', text: 'done' }], toolCallId: 'c1' },
      ],
      tools: [{ name: 'f', description: 'does', parameters: { type: 'object' }, strict: true }],
      toolChoice: { type: 'tool', name: 'f' },
      parallelToolCalls: false,
      reasoning: { effort: 'high' },
    },
    output: { type: 'json-schema', name: 'n', schema: { type: 'object' } },
    sampling: { temperature: 0.5, topP: 0.9 },
    maxTokens: 100,
    logprobs: { top: 3 },
  });
});

test('null means absent', () => {
  const nulls = Object.fromEntries(
    Object.keys(ResponseRequest.shape)
      .filter((key) => key !== 'model' && key !== 'input')
      .map((key) => [key, null]),
  );
  expect(read(nulls)).toEqual(read({}));
});

test('extensions are those of chat completions', () => {
  expect(read({ seed: 7, top_k: 40, stop: 'x', n_predict: 5, chat_template_kwargs: { a: true } })).toMatchObject({
    sampling: { seed: 7, topK: 40 },
    stop: ['x'],
    maxTokens: 5,
    input: { templateOptions: { a: true } },
  });
  expect(refusal({ n_predict: 5, max_output_tokens: 6 }).details).toEqual({ path: 'max_output_tokens' });
});

describe('conversations', () => {
  test('what the assistant did between two others is one turn', () => {
    expect(
      messagesOf([
        { role: 'user', content: 'a' },
        { type: 'reasoning', id: 'r', summary: [{ type: 'summary_text', text: 'Short.' }] },
        {
          role: 'assistant',
          content: [{ type: 'output_text', text: 'b', annotations: [], logprobs: [], parsed: null }],
        },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}', parsed_arguments: {} },
        { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}', status: 'completed' },
        { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: '1' }] },
        { type: 'function_call_output', call_id: 'c2', output: '2' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }], phase: 'final_answer' },
        { role: 'assistant', content: 'and no' },
      ]),
    ).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      {
        role: 'assistant',
        content: [{ type: 'text', text: 'b' }],
        reasoning: 'Short.',
        toolCalls: [
          { id: 'c1', name: 'f', arguments: '{}' },
          { id: 'c2', name: 'g', arguments: '{}' },
        ],
      },
      { role: 'tool', content: [{ type: 'text', text: '1' }], toolCallId: 'c1' },
      { role: 'tool', content: [{ type: 'text', text: '2' }], toolCallId: 'c2' },
      { role: 'assistant', content: [{ type: 'text', text: 'no' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'and no' }] },
    ]);
  });

  test('pictures', () => {
    expect(
      messagesOf([
        { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' }] },
        { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', file_id: 'file-1' }] },
      ]),
    ).toEqual([
      { role: 'user', content: [{ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }] },
      { role: 'tool', content: [{ type: 'image', source: readMediaFile('file-1') }], toolCallId: 'c' },
    ]);
  });

  test('a reference stands for the item that is kept', () => {
    const call = readResponseRequest(body({ input: [{ type: 'item_reference', id: 'x' }] }));
    const kept = conversationItems([{ role: 'user', content: 'kept' }], 'k', () => undefined);
    expect(conversationItems(call.input, 'k2', (id) => (id === 'x' ? kept[0] : undefined))).toEqual(kept);
    expect(failure(() => conversationItems(call.input, 'k2', () => undefined))).toMatchObject({
      code: 'not_found',
      details: { path: 'input[0].id' },
    });
  });

  test('without any item there is nothing to answer', () => {
    for (const input of [[], null, undefined]) {
      expect(refusal({ input })).toMatchObject({ code: 'invalid_request', details: { path: 'input' } });
    }
  });
});

test('a count has the same prompt', () => {
  const fields = { model: 'm', input: 'hello', instructions: 'Be brief.', tools: [{ type: 'function', name: 'f' }] };
  const prompt = readInputTokensRequest(fields);
  const items = conversationItems(prompt.input, 'k', () => undefined);
  expect(CountRequest.parse(countRequest(prompt, items))).toEqual({
    task: 'count',
    model: 'm',
    input: inputOf(fields),
  });
});

describe('tools', () => {
  const tools = ['a', 'b', 'c'].map((name) => ({ type: 'function', name }));
  test.each([
    ['none', { type: 'none' }],
    ['auto', { type: 'auto' }],
    ['required', { type: 'required' }],
    [
      { type: 'function', name: 'b' },
      { type: 'tool', name: 'b' },
    ],
  ])('tool_choice %j', (tool_choice, toolChoice) => {
    expect(inputOf({ tools, tool_choice })).toMatchObject({ toolChoice, tools: tools.map(({ name }) => ({ name })) });
  });
  test('allowed_tools hides the others', () => {
    const choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'c' }] };
    expect(inputOf({ tools, tool_choice: choice })).toMatchObject({
      toolChoice: { type: 'required' },
      tools: [{ name: 'c' }],
    });
  });
});

test.each<[string, unknown, string?]>([
  ['conversation', 'conv_1'],
  ['prompt', { id: 'p' }],
  ['moderation', { model: 'x' }],
  ['context_management', [{ type: 'compaction' }]],
  ['access_programs', {}],
  ['image', {}],
  ['max_tool_calls', 3],
  ['truncation', 'auto'],
  ['prompt_cache_retention', '24h'],
  ['prompt_cache_options', { mode: 'explicit' }, 'prompt_cache_options.mode'],
  ['include', ['web_search_call.results'], 'include[0]'],
  ['reasoning', { generate_summary: 'auto' }, 'reasoning.generate_summary'],
  ['reasoning', { mode: 'pro' }, 'reasoning.mode'],
  ['reasoning', { context: 'current_turn' }, 'reasoning.context'],
  ['tools', [{ type: 'web_search' }], 'tools[0].type'],
  ['tools', [{ type: 'mcp', server_label: 'x' }], 'tools[0].type'],
  ['tools', [{ type: 'custom', name: 'x' }], 'tools[0].type'],
  ['tools', [{ type: 'namespace', name: 'n', tools: [{ type: 'custom', name: 'x' }] }], 'tools[0].tools[0].type'],
  ['tool_choice', { type: 'file_search' }, 'tool_choice.type'],
  ['input', [{ type: 'web_search_call', id: 'x' }], 'input[0].type'],
  ['input', [{ type: 'compaction', encrypted_content: 'x' }], 'input[0].type'],
  ['input', [{ role: 'user', content: [{ type: 'input_file', file_id: 'x' }] }], 'input[0].content[0].type'],
])('%s %j is refused by name, with a remedy', (key, value, path = key) => {
  const error = refusal({ [key]: value });
  expect(error).toMatchObject({ code: 'unsupported', details: { path } });
  expect(error.message).toMatch(/^'.+'.* is not supported: .+/);
});

test.each([
  [{ temprature: 1 }, 'temprature', 'temperature'],
  [{ max_output_token: 1 }, 'max_output_token', 'max_output_tokens'],
  [{ input: [{ role: 'user', content: 'x', stauts: 'y' }] }, 'input[0].stauts', 'input[0].status'],
  [{ text: { fromat: {} } }, 'text.fromat', 'text.format'],
  [{ tools: [{ type: 'function', name: 'f', paramaters: {} }] }, 'tools[0].paramaters', 'tools[0].parameters'],
])('an unknown key names the nearest: %j', (fields, path, hint) => {
  const error = refusal(fields);
  expect(error).toMatchObject({ code: 'unknown_parameter', details: { path } });
  expect(error.message).toContain(`did you mean '${hint}'`);
});

test.each<[object, string]>([
  [{ input: 5 }, 'input'],
  [{ input: [{ role: 'bot', content: 'x' }] }, 'input[0].role'],
  [{ input: [{ type: 'thing' }] }, 'input[0].type'],
  [{ input: [{ role: 'user', content: [{ type: 'output_text', text: 'x' }] }] }, 'input[0].content[0].type'],
  [
    { input: [{ role: 'assistant', content: [{ type: 'input_image', image_url: 'https://x' }] }] },
    'input[0].content[0].type',
  ],
  [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content[0]'],
  [
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'golek-file:x' }] }] },
    'input[0].content[0].image_url',
  ],
  [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id'],
  [{ input: [{ type: 'function_call', call_id: 'c', name: 'f' }] }, 'input[0].arguments'],
  [{ model: undefined }, 'model'],
  [{ temperature: '1' }, 'temperature'],
  [{ top_logprobs: 2 }, 'top_logprobs'],
  [{ stream_options: {} }, 'stream_options'],
  [{ background: true, store: false }, 'background'],
  [{ grammar: 'root ::= "a"', text: { format: { type: 'json_object' } } }, 'grammar'],
  [{ text: { format: { type: 'json_schema', name: 'n' } } }, 'text.format.schema'],
  [{ tools: [{ type: 'function', name: 'f' }], tool_choice: 'maybe' }, 'tool_choice'],
])('a wrong value is named: %j', (fields, path) => {
  expect(refusal(fields)).toMatchObject({ code: 'invalid_request', details: { path } });
});

test('any body is read, or refused with a parameter', () => {
  const keys = ['type', 'role', 'content', 'id', 'text', 'call_id', 'output', 'name', 'arguments', 'summary'];
  const item = fc.dictionary(
    fc.constantFrom(...keys),
    fc.oneof(
      fc.constantFrom('message', 'function_call', 'function_call_output', 'reasoning', 'item_reference', 'user'),
      fc.constantFrom('assistant', 'input_text', 'output_text', [{ type: 'input_text', text: 'x' }], []),
      fc.jsonValue(),
    ),
  );
  const field = fc.oneof(fc.jsonValue(), fc.array(item, { maxLength: 3 }), item);
  const bodies = fc.dictionary(fc.constantFrom(...Object.keys(ResponseRequest.shape)), field);
  fc.assert(
    fc.property(bodies, fc.array(item, { maxLength: 3 }), (fields, input) => {
      for (const sent of [
        { model: 'm', ...fields },
        { model: 'm', input },
      ]) {
        try {
          const call = readResponseRequest(sent);
          const items = conversationItems(call.input, 'k', () => undefined);
          GenerateRequest.parse(generateRequest(call, items));
        } catch (thrown) {
          if (!(thrown instanceof GolekError)) throw thrown;
          expect(thrown.details).toHaveProperty('path');
          expect(['invalid_request', 'unsupported', 'unknown_parameter', 'not_found']).toContain(thrown.code);
        }
      }
    }),
    { numRuns: 500 },
  );
});

describe('what clients send to every server', () => {
  const shell = { type: 'function', name: 'shell', parameters: { type: 'object' } };
  const warningsOf = (fields: object): readonly string[] => readResponseRequest(body(fields)).warnings;

  test('tools of the service beside functions are left out, and told', () => {
    const patch = { type: 'custom', name: 'apply_patch', format: { type: 'grammar', syntax: 'lark', definition: 'x' } };
    const tools = [{ type: 'web_search', external_web_access: false }, shell, patch];
    expect(warningsOf({ tools })).toEqual([
      expect.stringMatching(/^the model is not shown 'tools\[0\]': .*'web_search' is not supported/),
      expect.stringMatching(/^the model is not shown 'tools\[2\]': .*'custom' is not supported/),
    ]);
    expect(inputOf({ tools })).toMatchObject({ tools: [{ name: 'shell' }] });
    expect(readResponseRequest(body({ tools })).echo.tools.map(({ name }) => name)).toEqual(['shell']);
    expect(warningsOf({ tools: [shell] })).toEqual([]);
  });

  test('functions of a namespace are shown by their own names, but for those that another function has', () => {
    const inner = ['search', 'shell', 'read'].map((name) => ({ type: 'function', name, defer_loading: true }));
    const tools = [
      { type: 'namespace', name: 'mcp__a', description: 'A', tools: [...inner, { type: 'custom', name: 'x' }] },
      shell,
      { type: 'namespace', name: 'mcp__b', tools: [{ type: 'function', name: 'read' }] },
    ];
    const { warnings, namespaces } = readResponseRequest(body({ tools }));
    expect(inputOf({ tools })).toMatchObject({ tools: [{ name: 'shell' }, { name: 'search' }, { name: 'read' }] });
    expect([...namespaces]).toEqual([
      ['search', 'mcp__a'],
      ['read', 'mcp__a'],
    ]);
    expect(warnings).toEqual([
      "the model is not shown 'tools[0].tools[1]': there is another function 'shell'; rename one of them",
      expect.stringMatching(/^the model is not shown 'tools\[0\]\.tools\[3\]': .*'custom' is not supported/),
      "the model is not shown 'tools[2].tools[0]': there is another function 'read'; rename one of them",
    ]);
  });

  test('wishes for the form of text and reasoning are told to change nothing', () => {
    expect(warningsOf({ text: { verbosity: 'medium' }, reasoning: { summary: 'auto' } })).toEqual([]);
    expect(warningsOf({ text: { verbosity: 'low' }, reasoning: { summary: 'detailed' } })).toEqual([
      "'text.verbosity' changed nothing: models are not told; ask for short or long answers in 'instructions'",
      "'reasoning.summary' changed nothing: reasoning is given whole, not summarised",
    ]);
  });

  test('any tier is the one there is', () => {
    const { warnings, echo } = readResponseRequest(body({ service_tier: 'flex' }));
    expect([warnings, echo.service_tier]).toEqual([[], 'default']);
  });

  test('what Codex tells of itself is taken', () => {
    expect(warningsOf({ client_metadata: { 'x-codex-installation-id': 'a' } })).toEqual([]);
  });

  test.each([
    [[{ role: 'user', content: [{ type: 'input_image', image_url: 'https://x/y.png', detail: 'high' }] }], 'content'],
    [
      [
        {
          type: 'function_call_output',
          call_id: 'c',
          output: [{ type: 'input_image', image_url: 'https://x/y.png', detail: 'low' }],
        },
      ],
      'output',
    ],
  ])('how finely a picture is looked at is told to change nothing: %j', (input, key) => {
    expect(warningsOf({ input })).toEqual([
      `'input[0].${key}[0].detail' changed nothing: images are read as the model does`,
    ]);
  });
});
