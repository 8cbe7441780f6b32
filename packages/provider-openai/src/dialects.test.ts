import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collect, GolekError, type GenerateRequest, type InferenceEvent, type Message } from '@golek/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOpenAiProvider, DIALECTS, type DialectName, type OpenAiProviderOptions } from './index.ts';
import { chat, complete, contextOf } from './upstream.fixture.ts';

interface Seen {
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
}

const DONE = 'data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** A service that says these bytes and keeps what it was asked; `path` stands behind its address. */
const service = async (
  dialect: DialectName,
  {
    said = DONE,
    path = '/v1',
    type = 'text/event-stream',
    status = 200,
    options = {},
  }: {
    said?: string;
    path?: string;
    type?: string;
    status?: number;
    options?: Partial<OpenAiProviderOptions>;
  } = {},
) => {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString();
      seen.push({ url: request.url, headers: request.headers, body: text === '' ? {} : JSON.parse(text) });
      response.writeHead(status, { 'content-type': type }).end(said);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const provider = createOpenAiProvider({ id: dialect, baseUrl, dialect, apiKey: 'the-secret-key', ...options });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });
  const open = (location = 'x/y') =>
    provider.open(
      { name: 'm', location, options: { tasks: ['generate', 'embed'] } },
      { signal: new AbortController().signal },
    );
  const events = async (request: GenerateRequest): Promise<InferenceEvent[]> =>
    Array.fromAsync((await open()).run(request, contextOf()));
  return {
    seen,
    provider,
    open,
    events,
    ask: async (request: GenerateRequest = chat('hi')) =>
      collect(
        (async function* () {
          yield* await events(request);
        })(),
      ),
  };
};

const failureOf = async (work: Promise<unknown>): Promise<GolekError> =>
  GolekError.from(
    await work.then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    ),
  );

const TOOL = { name: 'weather', parameters: { type: 'object' } } as const;

const TURNS: Message[] = [
  { role: 'user', content: [{ type: 'text', text: 'How is it?' }], name: 'ann' },
  {
    role: 'assistant',
    content: [],
    reasoning: 'I have to ask.',
    toolCalls: [{ id: 'call_very_long_id', name: 'weather', arguments: '{}' }],
  },
  { role: 'tool', content: [{ type: 'text', text: 'rain' }], toolCallId: 'call_very_long_id' },
];

const withTools = (): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  maxTokens: 7,
  input: { type: 'chat', messages: TURNS, tools: [TOOL], toolChoice: { type: 'required' } },
});

/** What a request that asks for much looks like in each dialect, where it differs. */
const ROWS: Readonly<
  Record<
    DialectName,
    { readonly has: object; readonly lacks?: readonly string[]; readonly refuses?: Partial<GenerateRequest> }
  >
> = {
  openai: { has: { max_tokens: 7, tool_choice: 'required', stream_options: { include_usage: true } } },
  'openai-platform': { has: { max_completion_tokens: 7 }, lacks: ['max_tokens'] },
  vllm: { has: { max_tokens: 7, tool_choice: 'required' } },
  'llama-cpp': { has: { max_tokens: 7, tool_choice: 'required' } },
  'lm-studio': { has: { max_tokens: 7, tool_choice: 'required' }, refuses: { choices: 2 } },
  azure: { has: { max_completion_tokens: 7 }, lacks: ['max_tokens'] },
  groq: { has: { max_completion_tokens: 7 }, lacks: ['max_tokens'], refuses: { logprobs: { top: 1 } } },
  mistral: { has: { max_tokens: 7, tool_choice: 'any' }, lacks: ['stream_options'], refuses: { logprobs: { top: 1 } } },
  deepseek: { has: { max_tokens: 7 }, refuses: { sampling: { seed: 1 } } },
  openrouter: { has: { max_tokens: 7, tool_choice: 'required' }, refuses: { choices: 2 } },
};

describe.each(Object.entries(ROWS))('%s', (name, { has, lacks = [], refuses }) => {
  it('is asked in its own words', async () => {
    const { ask, seen } = await service(name as DialectName);
    await ask(withTools());
    expect(seen[0]?.body).toMatchObject(has);
    for (const field of lacks) expect(seen[0]?.body).not.toHaveProperty(field);
  });

  it('is not asked for what it refuses', async () => {
    if (!refuses) return expect(Object.keys(DIALECTS)).toContain(name);
    const { ask, seen } = await service(name as DialectName);
    expect((await failureOf(ask(chat('hi', refuses)))).code).toBe('unsupported');
    expect(seen).toEqual([]);
  });
});

it('every dialect has a row', () => {
  expect(Object.keys(ROWS)).toEqual(Object.keys(DIALECTS));
});

describe('azure', () => {
  it('has its model in the path, its version behind it and its key in a header of its own', async () => {
    const { ask, seen, open } = await service('azure', { path: '/openai?api-version=2024-10-21' });
    await ask();
    expect(seen[0]?.url).toBe('/openai/deployments/x%2Fy/chat/completions?api-version=2024-10-21');
    expect(seen[0]?.headers).toMatchObject({ 'api-key': 'the-secret-key' });
    expect(seen[0]?.headers).not.toHaveProperty('authorization');
    const session = await open();
    await failureOf(Array.fromAsync(session.run({ task: 'embed', model: 'm', inputs: ['a'] }, contextOf())));
    expect(seen[1]?.url).toBe('/openai/deployments/x%2Fy/embeddings?api-version=2024-10-21');
  });

  it('has no list of deployments to look into', async () => {
    const { provider } = await service('azure');
    const source = { name: 'm', location: 'd', options: { verify: true } };
    expect(await failureOf(provider.open(source, { signal: new AbortController().signal }))).toMatchObject({
      code: 'config_invalid',
      details: { key: 'verify' },
    });
  });

  it('begins with what its filters found and may end an answer by one', async () => {
    const said =
      'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}\n\n' +
      'data: {"choices":[{"index":0,"delta":{"content":"Well"},"content_filter_results":{},"finish_reason":null}]}\n\n' +
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}\n\ndata: [DONE]\n\n';
    const { ask } = await service('azure', { said });
    expect((await ask()).choices).toMatchObject([{ text: 'Well', finish: 'content-filter' }]);
  });

  it('refuses a prompt that its filters do not let pass, with its words', async () => {
    const said = JSON.stringify({
      error: { code: 'content_filter', message: 'The prompt was filtered.', status: 400 },
    });
    const { ask } = await service('azure', { said, status: 400, type: 'application/json' });
    expect(await failureOf(ask())).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('The prompt was filtered.'),
      details: { upstreamCode: 'content_filter' },
    });
  });
});

it('openai: organization and project go with every request', async () => {
  const { ask, seen } = await service('openai', { options: { organization: 'org-1', project: 'proj_2' } });
  await ask();
  expect(seen[0]?.headers).toMatchObject({ 'openai-organization': 'org-1', 'openai-project': 'proj_2' });
  expect(() => createOpenAiProvider({ baseUrl: 'http://x/v1', organization: 'a\nb' })).toThrow(
    "'organization' must be",
  );
});

describe('mistral', () => {
  it('gets a seed, dimensions and ids of calls in its own form, the same id the same one', async () => {
    const { ask, seen, open } = await service('mistral');
    await ask({ ...withTools(), sampling: { seed: 5 } });
    const body = seen[0]?.body as { random_seed: number; messages: Record<string, never>[] };
    expect(body.random_seed).toBe(5);
    expect(body).not.toHaveProperty('seed');
    const [user, assistant, tool] = body.messages as unknown as [
      object,
      { tool_calls: { id: string }[] },
      { tool_call_id: string },
    ];
    expect(user).not.toHaveProperty('name');
    expect(tool.tool_call_id).toMatch(/^[a-z0-9]{9}$/);
    expect(assistant.tool_calls[0]?.id).toBe(tool.tool_call_id);
    const session = await open();
    await failureOf(
      Array.fromAsync(session.run({ task: 'embed', model: 'm', inputs: ['a'], dimensions: 8 }, contextOf())),
    );
    expect(seen[1]?.body).toMatchObject({ output_dimension: 8 });
  });

  it('thinks in parts of its content, and names an end that others do not have', async () => {
    const said =
      'data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]},"finish_reason":null}]}\n\n' +
      'data: {"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":"model_length"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    const { ask } = await service('mistral', { said });
    const { choices, usage } = await ask();
    expect(choices).toMatchObject([{ reasoning: 'Hm.', text: 'Yes', finish: 'length' }]);
    expect(usage).toEqual({ promptTokens: 3, completionTokens: 2 });
  });
});

describe('deepseek', () => {
  it('gets the reasoning back that led to calls', async () => {
    const { ask, seen } = await service('deepseek');
    await ask(withTools());
    expect((seen[0]?.body['messages'] as object[])[1]).toMatchObject({ reasoning_content: 'I have to ask.' });
    const plain = await service('openai');
    await plain.ask(withTools());
    expect((plain.seen[0]?.body['messages'] as object[])[1]).not.toHaveProperty('reasoning_content');
  });

  it('keeps a connection alive with comments and empty lines, and counts what its cache had', async () => {
    const said =
      ': keep-alive\n\n\n\n: keep-alive\n\ndata: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}\n\n' +
      'data: {"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":1}}\n\ndata: [DONE]\n\n';
    const { ask } = await service('deepseek', { said });
    const { choices, usage } = await ask();
    expect(choices).toMatchObject([{ reasoning: 'Hm.', text: 'Yes' }]);
    expect(usage).toMatchObject({ promptTokens: 9, cachedPromptTokens: 8 });
    const whole = `\n\n\n${JSON.stringify({ choices: [{ index: 0, message: { content: 'Yes' }, finish_reason: 'stop' }] })}`;
    const waited = await service('deepseek', { said: whole, type: 'application/json', options: { stream: false } });
    expect((await waited.ask()).choices[0]?.text).toBe('Yes');
  });

  it('that has no machine left fails, never ends', async () => {
    const said =
      'data: {"choices":[{"index":0,"delta":{"content":"Ye"},"finish_reason":"insufficient_system_resource"}]}\n\ndata: [DONE]\n\n';
    expect((await failureOf((await service('deepseek', { said })).ask())).code).toBe('provider_failed');
  });
});

describe('openrouter', () => {
  it('is told how much to think in an object, and keeps a connection alive with comments', async () => {
    const said =
      ': OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {"choices":[{"index":0,"delta":{"reasoning":"Hm.","content":""}}]}\n\n' +
      'data: {"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":"stop","native_finish_reason":"STOP"}]}\n\ndata: [DONE]\n\n';
    const { ask, seen } = await service('openrouter', { said });
    const request = chat('hi', { sampling: { topK: 3, repeatPenalty: 1.1 } });
    const { choices } = await ask({ ...request, input: { ...request.input, reasoning: { effort: 'low' } } as never });
    expect(choices).toMatchObject([{ reasoning: 'Hm.', text: 'Yes' }]);
    expect(seen[0]?.body).toMatchObject({ reasoning: { effort: 'low' }, top_k: 3, repetition_penalty: 1.1 });
  });

  it('that fails in the middle of an answer says so in a chunk', async () => {
    const said =
      'data: {"choices":[{"index":0,"delta":{"content":"Ye"}}]}\n\n' +
      'data: {"id":"g","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\ndata: [DONE]\n\n';
    expect(await failureOf((await service('openrouter', { said })).ask())).toMatchObject({
      code: 'provider_failed',
      message: expect.stringContaining('Provider disconnected'),
    });
    const limited = said.replace('502', '429');
    expect((await failureOf((await service('openrouter', { said: limited })).ask())).code).toBe('rate_limited');
  });
});

describe('groq', () => {
  it('gets no names, and tells its counts also in a field of its own', async () => {
    const said =
      'data: {"choices":[{"index":0,"delta":{"content":"Yes"},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":1}}}\n\ndata: [DONE]\n\n';
    const { ask, seen } = await service('groq', { said });
    const { usage } = await ask(withTools());
    expect((seen[0]?.body['messages'] as object[])[0]).not.toHaveProperty('name');
    expect(usage).toEqual({ promptTokens: 4, completionTokens: 1 });
  });

  it('has no text completions', async () => {
    const { ask, seen } = await service('groq');
    expect((await failureOf(ask(complete('hi')))).code).toBe('unsupported');
    expect(seen).toEqual([]);
  });
});

describe('lm-studio', () => {
  it('is asked for JSON by a schema, and fails with a text as its error', async () => {
    const { ask, seen } = await service('lm-studio');
    await ask(chat('hi', { output: { type: 'json' }, sampling: { topK: 2 } }));
    expect(seen[0]?.body).toMatchObject({
      top_k: 2,
      response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
    });
    const said = 'event: error\ndata: {"error":"The model has crashed."}\n\n';
    const crashed = await service('lm-studio', { said });
    expect(await failureOf(crashed.ask())).toMatchObject({
      code: 'provider_failed',
      message: expect.stringContaining('The model has crashed.'),
    });
  });
});

describe('vllm and llama-cpp', () => {
  it('vllm fails in its stream with an error object, and names the stop string', async () => {
    const said =
      'data: {"error":{"object":"error","message":"engine dead","type":"InternalServerError","code":500}}\n\ndata: [DONE]\n\n';
    expect((await failureOf((await service('vllm', { said })).ask())).message).toContain('engine dead');
    const stopped = DONE.replace('"finish_reason":"stop"', '"finish_reason":"stop","stop_reason":"END"');
    expect((await (await service('vllm', { said: stopped })).ask()).choices).toMatchObject([{ stop: 'END' }]);
  });

  it('llama-cpp that still loads its model is overloaded', async () => {
    const said = JSON.stringify({ error: { code: 503, message: 'Loading model', type: 'unavailable_error' } });
    const { ask } = await service('llama-cpp', { said, status: 503, type: 'application/json' });
    expect(await failureOf(ask())).toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('Loading model'),
    });
  });
});
