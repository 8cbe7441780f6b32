import { GenerateRequest, type GolekError } from '@golek/api';
import type OpenAI from 'openai';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { ChatRequest, readChatRequest } from './chat-request.ts';
import type { llamaCppFields } from './llama-cpp-fields.ts';
import { failure } from './failure.fixture.ts';
import { fileIdOf } from './media-url.ts';

type Official = OpenAI.ChatCompletionCreateParams;
type Extension =
  | 'top_k'
  | 'min_p'
  | 'repeat_penalty'
  | 'repetition_penalty'
  | 'grammar'
  | 'lora'
  | 'reasoning_format'
  | 'chat_template_kwargs'
  | keyof typeof llamaCppFields;

const messages = [{ role: 'user', content: 'hello' }];
const body = (fields: object): object => ({ model: 'm', messages, ...fields });
const read = (fields: object): GenerateRequest => readChatRequest(body(fields)).request;
const refusal = (fields: object): GolekError => failure(() => readChatRequest(body(fields)));

test('every parameter of the official client is known, and nothing else but the extensions', () => {
  expectTypeOf<keyof typeof ChatRequest.shape>().toEqualTypeOf<keyof Official | Extension>();
});

test('what the schema accepts is what the official client sends', () => {
  const sent: Official = {
    model: 'm',
    messages: [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: [{ type: 'text', text: 'hello' }], name: 'ada' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'done' },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' }, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    temperature: 0.5,
    top_p: 0.9,
    seed: 7,
    frequency_penalty: 0.1,
    presence_penalty: -0.1,
    logit_bias: { '42': -100 },
    max_completion_tokens: 12,
    n: 2,
    stop: ['a', 'b'],
    logprobs: true,
    top_logprobs: 3,
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
    user: 'u1',
    metadata: { k: 'v' },
    store: false,
    service_tier: 'auto',
    prompt_cache_key: 'k',
    prompt_cache_retention: 'in_memory',
    prompt_cache_options: { mode: 'implicit' },
    modalities: ['text'],
    verbosity: 'medium',
    response_format: { type: 'text' },
  };
  const call = readChatRequest(sent);
  expect(GenerateRequest.parse(call.request)).toEqual({
    task: 'generate',
    model: 'm',
    user: 'u1',
    input: {
      type: 'chat',
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'be brief' }] },
        { role: 'user', content: [{ type: 'text', text: 'hello' }], name: 'ada' },
        { role: 'assistant', content: [], toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }] },
        { role: 'tool', content: [{ type: 'text', text: 'done' }], toolCallId: 'c1' },
      ],
      tools: [{ name: 'f', parameters: { type: 'object' }, strict: true }],
      toolChoice: { type: 'tool', name: 'f' },
      parallelToolCalls: false,
    },
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      seed: 7,
      frequencyPenalty: 0.1,
      presencePenalty: -0.1,
      logitBias: { '42': -100 },
    },
    maxTokens: 12,
    choices: 2,
    stop: ['a', 'b'],
    logprobs: { top: 3 },
  });
  expect(call).toMatchObject({ stream: true, choices: 2, includeUsage: true, showTier: true, metadata: { k: 'v' } });
});

test('null means absent', () => {
  const nulls = Object.fromEntries(
    Object.keys(ChatRequest.shape)
      .filter((key) => key !== 'model' && key !== 'messages')
      .map((key) => [key, null]),
  );
  expect(read(nulls)).toEqual(read({}));
});

test('extensions have the names of llama.cpp', () => {
  expect(read({ top_k: 40, min_p: 0.05, repeat_penalty: 1.1 }).sampling).toEqual({
    topK: 40,
    minP: 0.05,
    repeatPenalty: 1.1,
  });
  expect(read({ top_k: -1 }).sampling).toEqual({ topK: 0 });
  expect(read({ grammar: 'root ::= "a"' }).output).toEqual({ type: 'grammar', grammar: 'root ::= "a"' });
});

test('sampling and ends of llama-server and vLLM', () => {
  expect(
    read({
      repeat_last_n: 64,
      xtc_probability: 0.5,
      dry_multiplier: 0.8,
      dry_base: 2,
      dry_allowed_length: 3,
      dry_penalty_last_n: 100,
      dry_sequence_breakers: ['\n'],
      ignore_eos: true,
      stop_token_ids: [7],
      n_predict: 20,
    }),
  ).toMatchObject({
    sampling: {
      repeatLastTokens: 64,
      xtc: { probability: 0.5, threshold: 0.1 },
      dry: { multiplier: 0.8, base: 2, allowedLength: 3, lastTokens: 100, sequenceBreakers: ['\n'] },
    },
    ignoreEos: true,
    stopTokens: [7],
    maxTokens: 20,
  });
  // What llama-server's own clients send when nothing was chosen.
  const neutral = {
    repeat_last_n: -1,
    xtc_probability: 0,
    xtc_threshold: 0.1,
    dry_multiplier: 0,
    dry_base: 1.75,
    dry_allowed_length: 2,
    dry_penalty_last_n: -1,
    ignore_eos: false,
    n_predict: -1,
    cache_prompt: true,
    min_tokens: 0,
    typical_p: 1,
    top_n_sigma: -1,
    mirostat: 0,
    mirostat_tau: 5,
    mirostat_eta: 0.1,
    dynatemp_range: 0,
    dynatemp_exponent: 1,
    min_keep: 0,
  };
  expect(read(neutral)).toEqual(read({}));
});

test('how much the model shall think', () => {
  const inputOf = (fields: object): object => read(fields).input;
  expect(inputOf({ reasoning_effort: 'low', reasoning_format: 'auto' })).toMatchObject({
    reasoning: { effort: 'low' },
  });
  expect(inputOf({ reasoning_effort: 'none' })).toMatchObject({ reasoning: { enabled: false } });
  expect(inputOf({ chat_template_kwargs: { enable_thinking: false } })).toMatchObject({
    templateOptions: { enable_thinking: false },
  });
  expect(read({ chat_template_kwargs: {} })).toEqual(read({}));
});

test('limits that do not agree are refused', () => {
  expect(read({ max_tokens: 5, n_predict: 5 }).maxTokens).toBe(5);
  expect(refusal({ max_tokens: 5, n_predict: 6 })).toMatchObject({
    code: 'invalid_request',
    details: { path: 'max_tokens' },
  });
});

test.each([
  [0, 0],
  [2 ** 32 - 1, 2 ** 32 - 1],
  [2 ** 32 + 5, 5],
  [-5, 2 ** 32 - 5],
])('seed %d is folded to %d', (seed, folded) => {
  expect(read({ seed }).sampling).toEqual({ seed: folded });
});

test.each([
  ['x', ['x']],
  [
    ['x', 'y'],
    ['x', 'y'],
  ],
  [[], undefined],
  [null, undefined],
])('stop %j', (stop, expected) => {
  expect(read({ stop }).stop).toEqual(expected);
});

describe('limits of the answer', () => {
  test('either parameter, or both when they agree', () => {
    expect(read({ max_tokens: 5 }).maxTokens).toBe(5);
    expect(read({ max_completion_tokens: 5 }).maxTokens).toBe(5);
    expect(read({ max_tokens: 5, max_completion_tokens: 5 }).maxTokens).toBe(5);
    expect(read({}).maxTokens).toBeUndefined();
  });
  test('both that disagree are refused', () => {
    expect(refusal({ max_tokens: 5, max_completion_tokens: 6 })).toMatchObject({
      code: 'invalid_request',
      details: { path: 'max_tokens' },
    });
  });
  test('errors use the name that was sent', () => {
    expect(readChatRequest(body({ max_tokens: 5 })).params['maxTokens']).toBe('max_tokens');
    expect(readChatRequest(body({ max_completion_tokens: 5 })).params['maxTokens']).toBe('max_completion_tokens');
  });
});

describe('response_format', () => {
  const schema = { type: 'object' };
  test.each([
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { type: 'json' }],
    [
      { type: 'json_schema', json_schema: { name: 'n', schema } },
      { type: 'json-schema', name: 'n', schema },
    ],
    [
      { type: 'json_schema', json_schema: { name: 'n', schema, description: 'd', strict: true } },
      { type: 'json-schema', name: 'n', schema: { description: 'd', type: 'object' } },
    ],
  ])('%j', (response_format, output) => {
    expect(read({ response_format }).output).toEqual(output);
  });
  test('excludes a grammar', () => {
    expect(refusal({ response_format: { type: 'json_object' }, grammar: 'root ::= "a"' }).details).toEqual({
      path: 'grammar',
    });
  });
  test('needs its schema', () => {
    expect(refusal({ response_format: { type: 'json_schema', json_schema: { name: 'n' } } })).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining("'response_format.json_schema.schema' is missing") as string,
    });
  });
});

describe('tools', () => {
  const tools = ['a', 'b', 'c'].map((name) => ({ type: 'function', function: { name } }));
  const use = (tool_choice: unknown): object => read({ tools, tool_choice }).input;
  test.each([
    ['none', { type: 'none' }],
    ['auto', { type: 'auto' }],
    ['required', { type: 'required' }],
    [
      { type: 'function', function: { name: 'b' } },
      { type: 'tool', name: 'b' },
    ],
  ])('tool_choice %j', (choice, toolChoice) => {
    expect(use(choice)).toMatchObject({ toolChoice, tools: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
  });
  test('allowed_tools hides the others', () => {
    const named = (name: string): object => ({ type: 'function', function: { name } });
    const choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named('c'), named('a')] } };
    expect(use(choice)).toMatchObject({ toolChoice: { type: 'required' }, tools: [{ name: 'a' }, { name: 'c' }] });
    const unknown = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named('z')] } };
    expect(refusal({ tools, tool_choice: unknown })).toMatchObject({
      code: 'invalid_request',
      details: { path: 'tool_choice' },
    });
  });
});

describe('logprobs', () => {
  test('top_logprobs is the number of alternatives', () => {
    expect(read({ logprobs: true }).logprobs).toEqual({ top: 0 });
    expect(read({ logprobs: true, top_logprobs: 20 }).logprobs).toEqual({ top: 20 });
    expect(read({ logprobs: false }).logprobs).toBeUndefined();
  });
  test('top_logprobs needs logprobs', () => {
    expect(refusal({ top_logprobs: 2 }).details).toEqual({ path: 'top_logprobs' });
  });
});

test('safety_identifier replaces user', () => {
  expect(read({ user: 'old', safety_identifier: 'new' }).user).toBe('new');
});

test('what changes nothing is taken and told', () => {
  const image = { type: 'image_url', image_url: { url: 'https://x/y.png', detail: 'high' } };
  const text = { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } };
  const messages = [
    { role: 'system', content: 'x' },
    { role: 'user', content: [text, image] },
  ];
  expect(readChatRequest(body({ messages, store: true })).warnings).toEqual([
    "'store' changed nothing: answers are not stored; the Responses API stores them",
    "'messages[1].content[1].image_url.detail' changed nothing: images are read as the model does",
  ]);
  expect(readChatRequest(body({ repetition_penalty: 1, store: false })).warnings).toEqual([]);
});

test('stream_options need a stream', () => {
  expect(refusal({ stream_options: { include_usage: true } }).details).toEqual({ path: 'stream_options' });
});

test.each<[string, unknown, string?]>([
  ['audio', { format: 'wav', voice: 'alloy' }],
  ['function_call', 'auto'],
  ['functions', [{ name: 'f' }]],
  ['modalities', ['text', 'audio'], 'modalities[1]'],
  ['moderation', { model: 'x' }],
  ['prediction', { type: 'content', content: 'x' }],
  ['prompt_cache_options', { mode: 'explicit' }, 'prompt_cache_options.mode'],
  ['prompt_cache_retention', '24h'],
  ['reasoning_format', 'none'],
  ['cache_prompt', false],
  ['min_tokens', 5],
  ['typical_p', 0.9],
  ['top_n_sigma', 1],
  ['mirostat', 2],
  ['dynatemp_range', 0.5],
  ['min_keep', 2],
  ['samplers', ['top_k']],
  ['n_probs', 5],
  ['json_schema', {}],
  ['repetition_penalty', 1.1],
  ['web_search_options', {}],
  ['tools', [{ type: 'custom', custom: { name: 'x' } }], 'tools[0].type'],
  ['tool_choice', { type: 'custom', custom: { name: 'x' } }, 'tool_choice.type'],
  ['messages', [{ role: 'function', name: 'f', content: 'x' }], 'messages[0].role'],
  ['messages', [{ role: 'user', content: [{ type: 'input_audio' }] }], 'messages[0].content[0].type'],
  [
    'messages',
    [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f', file_data: 'x' } }] }],
    'messages[0].content[0].file.file_data',
  ],
  [
    'messages',
    [{ role: 'user', content: [{ type: 'text', text: 'x', prompt_cache_breakpoint: { mode: 'explicit' } }] }],
    'messages[0].content[0].prompt_cache_breakpoint',
  ],
  ['messages', [{ role: 'assistant', function_call: { name: 'f', arguments: '' } }], 'messages[0].function_call'],
  ['messages', [{ role: 'assistant', audio: { id: 'a' } }], 'messages[0].audio'],
])('%s %j is refused by name, with a remedy', (key, value, path = key) => {
  const error = refusal({ [key]: value });
  expect(error).toMatchObject({ code: 'unsupported', details: { path } });
  expect(error.message).toMatch(/^'.+'.* is not supported: .+/);
});

test('what clients send to every server is taken, and told where it changes nothing', () => {
  const call = (fields: object): ReturnType<typeof readChatRequest> => readChatRequest(body(fields));
  expect(call({ verbosity: 'medium' }).warnings).toEqual([]);
  expect(call({ verbosity: 'low' }).warnings).toEqual([
    "'verbosity' changed nothing: models are not told; ask for short or long answers in the system message",
  ]);
  expect(call({ stream: true, stream_options: { continuous_usage_stats: true } }).warnings).toEqual([
    "'stream_options.continuous_usage_stats' changed nothing: tokens are counted at the end of an answer",
  ]);
  expect(call({ stream: true, stream_options: { continuous_usage_stats: false } }).warnings).toEqual([]);
  expect(call({ service_tier: 'priority' })).toMatchObject({ showTier: true, warnings: [] });
  expect(call({ max_tokens: -1 }).request).not.toHaveProperty('maxTokens');
});

test('other options of streams are unknown', () => {
  expect(refusal({ stream: true, stream_options: { usage: true } })).toMatchObject({
    code: 'unknown_parameter',
    details: { path: 'stream_options.usage' },
  });
});

test('include_obfuscation is refused by name', () => {
  expect(refusal({ stream: true, stream_options: { include_obfuscation: true } })).toMatchObject({
    code: 'unsupported',
    details: { path: 'stream_options.include_obfuscation' },
  });
});

test.each([
  [{ temprature: 1 }, 'temprature', 'temperature'],
  [{ max_token: 1 }, 'max_token', 'max_tokens'],
  [{ messages: [{ role: 'user', content: 'x', nmae: 'y' }] }, 'messages[0].nmae', 'messages[0].name'],
  [
    { stream: true, stream_options: { include_usge: true } },
    'stream_options.include_usge',
    'stream_options.include_usage',
  ],
  [
    { tools: [{ type: 'function', function: { name: 'f', paramaters: {} } }] },
    'tools[0].function.paramaters',
    'tools[0].function.parameters',
  ],
])('an unknown key names the nearest: %j', (fields, path, hint) => {
  const error = refusal(fields);
  expect(error).toMatchObject({ code: 'unknown_parameter', details: { path } });
  expect(error.message).toContain(`did you mean '${hint}'`);
});

test.each<[object, string]>([
  [{ messages: [] }, 'messages'],
  [{ messages: 'hello' }, 'messages'],
  [{ messages: [{ role: 'bot', content: 'x' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text'],
  [
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }] },
    'messages[0].content[0].image_url.url',
  ],
  [{ messages: [{ role: 'assistant' }] }, 'messages[0].content'],
  [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
  [{ model: '' }, 'model'],
  [{ model: 5 }, 'model'],
  [{ temperature: -1 }, 'temperature'],
  [{ temperature: '1' }, 'temperature'],
  [{ top_p: 2 }, 'top_p'],
  [{ seed: 1.5 }, 'seed'],
  [{ n: 0 }, 'n'],
  [{ n: 17 }, 'n'],
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ max_tokens: -2 }, 'max_tokens'],
  [{ model: null }, 'model'],
  [{ stop: '' }, 'stop'],
  [{ stop: Array.from({ length: 17 }, () => 'x') }, 'stop'],
  [{ logit_bias: { x: 1 } }, 'logit_bias.x'],
  [{ logit_bias: { '1': 101 } }, 'logit_bias.1'],
  [{ top_logprobs: 21, logprobs: true }, 'top_logprobs'],
  [{ stream: 'yes' }, 'stream'],
  [{ metadata: { k: 5 } }, 'metadata.k'],
  [{ response_format: { type: 'xml' } }, 'response_format.type'],
  [{ tools: {} }, 'tools'],
  [{ tool_choice: 'maybe' }, 'tool_choice'],
])('a wrong value names its field: %j', (fields, path) => {
  expect(refusal(fields)).toMatchObject({ code: 'invalid_request', details: { path } });
});

test('a key that cannot be a token is what is wrong, not its value', () => {
  expect(refusal({ logit_bias: { hello: 10 } }).message).toBe(
    "the key 'logit_bias.hello' is invalid: a token id is a non-negative integer",
  );
});

test.each([undefined, null, 5, 'x', [], [body({})]])('a body that is no object: %j', (json) => {
  expect(failure(() => readChatRequest(json)).code).toBe('invalid_request');
});

describe('messages', () => {
  const turn = (message: object): object => {
    const { input } = read({ messages: [message] });
    return input.type === 'chat' ? (input.messages[0] ?? {}) : {};
  };
  test('an answer can be sent back as it came, with what the official client adds', () => {
    const answer = {
      role: 'assistant',
      content: 'hi',
      refusal: null,
      reasoning_content: 'hm',
      annotations: [],
      audio: null,
      function_call: null,
      parsed: { a: 1 },
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}', parsed_arguments: {} } }],
    };
    expect(turn(answer)).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'hi' }],
      reasoning: 'hm',
      toolCalls: [{ id: 'c', name: 'f', arguments: '{}' }],
    });
  });
  test('a refusal is what the assistant said', () => {
    expect(turn({ role: 'assistant', refusal: 'no' })).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'no' }],
    });
    expect(turn({ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] })).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'no' }],
    });
  });
  test('images by address and as data', () => {
    const content = ['https://x/y.png', 'data:image/png;base64,AAEC'].map((url) => ({
      type: 'image_url',
      image_url: { url, detail: 'auto' },
    }));
    expect(turn({ role: 'user', content })).toEqual({
      role: 'user',
      content: [
        { type: 'image', source: { kind: 'url', url: 'https://x/y.png' } },
        { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAEC' } },
      ],
    });
  });
  test('files by their id, for whoever keeps them', () => {
    const message = turn({ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1', filename: 'a.png' } }] });
    expect(message).toEqual({
      role: 'user',
      content: [{ type: 'image', source: { kind: 'url', url: 'golek-file:file-1' } }],
    });
    expect(fileIdOf({ kind: 'url', url: 'golek-file:file-1' })).toBe('file-1');
    expect(fileIdOf({ kind: 'url', url: 'https://x/golek-file:1' })).toBeUndefined();
    // Only the server can say so: a client's address cannot.
    const forged = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'golek-file:file-1' } }] };
    expect(() => turn(forged)).toThrow('expected an http(s) address');
  });
  test('a tool message may repeat the name of the tool', () => {
    expect(turn({ role: 'tool', tool_call_id: 'c', name: 'f', content: 'x' })).toEqual({
      role: 'tool',
      toolCallId: 'c',
      content: [{ type: 'text', text: 'x' }],
    });
  });
});
