import type { GenerateRequest, InferenceEvent } from '@golek/api';
import type { ChatRequest, GenerateRequest as WireGenerate } from 'ollama';
import { describe, expect, it } from 'vitest';
import { chat, complete } from '../requests.fixture.ts';
import { embedBody, generateBody, type GenerateSettings } from './request-body.ts';

const PLAIN: GenerateSettings = { keepAlive: undefined, parameters: {}, stream: true };

interface Sent {
  readonly path: string;
  readonly body: unknown;
  readonly text: string;
  readonly warnings: readonly string[];
}

const sent = (request: GenerateRequest, settings = PLAIN): Sent => {
  const events: InferenceEvent[] = [];
  const { path, body } = generateBody(request, 'llama3', settings, events);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { path, body: JSON.parse(String(body)), text: String(body), warnings };
};

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

const withInput = (input: Partial<ChatInput>): GenerateRequest =>
  chat('hi', { input: { ...(chat('hi').input as ChatInput), ...input } });

describe('the body of a chat', () => {
  it('has every option under its name on the wire', () => {
    const expected: ChatRequest & { truncate: boolean; shift: boolean } = {
      model: 'llama3',
      stream: true,
      format: { type: 'object' },
      options: {
        num_ctx: 8192,
        temperature: 0.5,
        top_p: 0.9,
        top_k: 4,
        min_p: 0.1,
        seed: 7,
        frequency_penalty: 1,
        presence_penalty: -1,
        repeat_penalty: 1.5,
        repeat_last_n: -1,
        num_predict: 9,
        stop: ['\n'],
      },
      keep_alive: '10m',
      truncate: false,
      shift: false,
      logprobs: true,
      top_logprobs: 3,
      tools: [
        { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters: { type: 'object' } } },
        { type: 'function', function: { name: 'time', parameters: { type: 'object', properties: {} } } },
      ],
      think: 'high',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is this?', images: ['AA=='] },
        {
          role: 'assistant',
          content: '',
          thinking: 'hm',
          tool_calls: [{ id: 'c1', function: { name: 'weather', arguments: { city: 'Bonn' } } }] as never,
        },
        { role: 'tool', content: 'rain', tool_name: 'weather', tool_call_id: 'c1' } as never,
      ],
    };
    const { path, body, warnings } = sent(
      {
        task: 'generate',
        model: 'm',
        input: {
          type: 'chat',
          messages: [
            { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
            {
              role: 'user',
              content: [
                { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
                { type: 'text', text: 'What is this?' },
              ],
            },
            {
              role: 'assistant',
              content: [],
              reasoning: 'hm',
              toolCalls: [{ id: 'c1', name: 'weather', arguments: '{"city":"Bonn"}' }],
            },
            { role: 'tool', content: [{ type: 'text', text: 'rain' }], toolCallId: 'c1' },
          ],
          tools: [{ name: 'weather', description: 'Tells it.', parameters: { type: 'object' } }, { name: 'time' }],
          reasoning: { effort: 'high' },
        },
        sampling: {
          temperature: 0.5,
          topP: 0.9,
          topK: 4,
          minP: 0.1,
          seed: 7,
          frequencyPenalty: 1,
          presencePenalty: -1,
          repeatPenalty: 1.5,
        },
        output: { type: 'json-schema', name: 'a', schema: { type: 'object' } },
        maxTokens: 9,
        stop: ['\n'],
        logprobs: { top: 3 },
      },
      { ...PLAIN, keepAlive: '10m', parameters: { num_ctx: 8192, temperature: 1 } },
    );
    expect(path).toBe('/api/chat');
    expect(body).toEqual(expected);
    expect(warnings).toEqual([]);
  });

  it('has nothing that was not asked for', () => {
    expect(sent(chat('hi')).body).toEqual({
      model: 'llama3',
      stream: true,
      options: {},
      truncate: false,
      shift: false,
      messages: [{ role: 'user', content: 'hi' }],
    });
  });

  it('keeps numbers in the arguments of calls as they were written', () => {
    const toolCalls = [{ id: 'c', name: 'f', arguments: '{"id":12345678901234567890}' }];
    const messages = [{ role: 'assistant', content: [], toolCalls }] as const;
    expect(sent(withInput({ messages: messages as never })).text).toContain('"arguments":{"id":12345678901234567890}');
  });

  it('says what has no place in it', () => {
    const image = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } } as const;
    const { warnings, body } = sent(
      withInput({
        messages: [
          { role: 'user', name: 'Ann', content: [{ type: 'text', text: 'this: ' }, image] },
          { role: 'assistant', content: [], toolCalls: [{ id: 'c', name: 'f', arguments: '' }] },
          { role: 'tool', content: [], toolCallId: 'c', isError: true },
        ],
        tools: [{ name: 'f', strict: true }],
        toolChoice: { type: 'none' },
        reasoning: { effort: 'minimal', budgetTokens: 100 },
      }),
    );
    expect(warnings).toEqual([
      expect.stringContaining("'name' of messages"),
      expect.stringContaining('before the text'),
      expect.stringContaining("'isError'"),
      expect.stringContaining("'strict' of tools"),
      expect.stringContaining('the budget of thinking tokens'),
      "the reasoning effort 'minimal' is sent as 'low', the nearest there",
    ]);
    expect(body).toMatchObject({ think: 'low', messages: [{ content: 'this: ', images: ['AA=='] }, {}, {}] });
    expect(body).not.toHaveProperty('tools');
  });

  it('refuses a picture by address and arguments that are no object', () => {
    const address = { type: 'image', source: { kind: 'url', url: 'https://example.org/a.png' } } as const;
    expect(() => sent(withInput({ messages: [{ role: 'user', content: [address] }] }))).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { option: 'input.image' } }),
    );
    const toolCalls = [{ id: 'c', name: 'f', arguments: '{"cut' }];
    expect(() => sent(withInput({ messages: [{ role: 'assistant', content: [], toolCalls }] }))).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it.each([
    [{ enabled: true }, true],
    [{ enabled: false }, false],
    [{ enabled: false, effort: 'high' }, false],
    [{ enabled: true, effort: 'max' }, 'max'],
  ] as const)('says of thinking %o: %s', (reasoning, think) => {
    expect(sent(withInput({ reasoning })).body).toMatchObject({ think });
  });
});

describe('the body of a text', () => {
  it('is raw, or has a suffix', () => {
    const raw: WireGenerate & { truncate: boolean; shift: boolean } = {
      model: 'llama3',
      prompt: 'Once',
      stream: true,
      raw: true,
      format: 'json',
      options: {},
      truncate: false,
      shift: false,
    };
    expect(sent(complete('Once', { output: { type: 'json' } }))).toMatchObject({ path: '/api/generate', body: raw });
    const { raw: _raw, format: _format, ...rest } = raw;
    expect(sent(complete('', { input: { type: 'text', prompt: 'Once', suffix: ' end' } })).body).toEqual({
      ...rest,
      suffix: ' end',
    });
    expect(() => sent(complete(''))).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});

it('the body of embeddings refuses to be cut', () => {
  const request = { task: 'embed', model: 'm', inputs: ['a', 'b'], dimensions: 8 } as const;
  const { path, body } = embedBody({ ...request, inputs: [...request.inputs] }, 'e', {
    keepAlive: -1,
    parameters: { num_ctx: 10 },
  });
  expect([path, JSON.parse(String(body))]).toEqual([
    '/api/embed',
    { model: 'e', input: ['a', 'b'], dimensions: 8, truncate: false, keep_alive: -1, options: { num_ctx: 10 } },
  ]);
});
