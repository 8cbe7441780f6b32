import { collect, GolekError, type InferenceEvent, type InferenceResult } from '@golek/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHAT_TOOL,
  CHAT_TOOL_PARAMS,
  chatOutput,
  ChatOutput,
  CLASSIFY_TOOL,
  classifyOutput,
  EMBED_TOOL,
  type EmbedOutput,
  embedOutput,
  LIST_MODELS_TOOL,
  readChatArguments,
  readClassifyArguments,
  readEmbedArguments,
  readRerankArguments,
  RERANK_TOOL,
  rerankOutput,
  toolFailure,
  toolResult,
  wireTool,
} from './index.ts';

const tiny = () => 'tiny';

const resultOf = (...events: InferenceEvent[]): Promise<InferenceResult> =>
  collect(
    (async function* () {
      await Promise.resolve();
      yield { type: 'start', model: 'tiny', provider: 'fake' } as const;
      yield* events;
    })(),
  );

const USAGE: InferenceEvent = { type: 'usage', usage: { promptTokens: 3, completionTokens: 2, cachedPromptTokens: 1 } };
const FINISH: InferenceEvent = { type: 'finish', choice: 0, reason: 'stop' };
const text = (value: string): InferenceEvent => ({ type: 'text', choice: 0, text: value });

describe('what clients are shown', () => {
  it.each([CHAT_TOOL, EMBED_TOOL, RERANK_TOOL, CLASSIFY_TOOL, LIST_MODELS_TOOL])(
    '$name has a schema for each side',
    (tool) => {
      const { inputSchema, outputSchema, description } = wireTool(tool);
      for (const schema of [inputSchema, outputSchema]) {
        expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
        expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
      }
      expect(description).toMatch(/\.$/);
    },
  );

  it('no argument of chat is required, since the model may be left out and the question has two forms', () => {
    expect(wireTool(CHAT_TOOL).inputSchema).not.toHaveProperty('required');
  });
});

describe('chat', () => {
  it('reads every argument', () => {
    const schema = { type: 'object' };
    expect(
      readChatArguments(
        {
          model: 'big',
          system: 'Be short.',
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'What is it?' },
                { type: 'image', data: 'aGk=', mimeType: 'image/png' },
              ],
            },
            { role: 'assistant', content: 'A cat.' },
          ],
          max_tokens: 7,
          temperature: 0.5,
          top_p: 0.9,
          top_k: 40,
          seed: 1,
          stop: ['\n'],
          response_schema: schema,
        },
        tiny,
      ),
    ).toEqual({
      task: 'generate',
      model: 'big',
      input: {
        type: 'chat',
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be short.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is it?' },
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'aGk=' } },
            ],
          },
          { role: 'assistant', content: [{ type: 'text', text: 'A cat.' }] },
        ],
      },
      sampling: { temperature: 0.5, topP: 0.9, topK: 40, seed: 1 },
      output: { type: 'json-schema', schema },
      maxTokens: 7,
      stop: ['\n'],
    });
  });

  it('says nothing that was not said, and asks for the default model only then', () => {
    expect(readChatArguments({ prompt: 'Hi' }, tiny)).toEqual({
      task: 'generate',
      model: 'tiny',
      input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
    });
    const never = (): string => {
      throw new Error('was asked');
    };
    expect(readChatArguments({ prompt: 'Hi', model: 'big' }, never).model).toBe('big');
    expect(() => readChatArguments({ promt: 'Hi' }, never)).toThrow("did you mean 'prompt'?");
  });

  it.each([
    [{}, 'prompt', "'prompt' is missing; give it, or 'messages'"],
    [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, 'prompt', 'exclude each other'],
    [{ messages: [] }, 'messages', "'messages' is invalid"],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role', "(got 'tool')"],
    [{ messages: [{ role: 'user', content: [{ type: 'audio' }] }] }, 'messages[0].content', 'is invalid'],
    [{ prompt: 'a', temperature: 'hot' }, 'temperature', "(got 'hot')"],
    [{ prompt: 'a', max_tokens: 0 }, 'max_tokens', '(got 0)'],
    ['a text', '', 'the whole value'],
  ])('refuses %j and names the argument', (given, path, message) => {
    const read = (): unknown => readChatArguments(given, tiny);
    expect(read).toThrow(message);
    try {
      read();
    } catch (thrown) {
      expect(String((thrown as GolekError).details?.['path'])).toContain(path);
    }
  });

  it('gives text, value, reasoning and counts, and matches its own schema', async () => {
    const request = readChatArguments({ prompt: 'Hi', response_schema: {} }, tiny);
    const result = await resultOf(
      { type: 'reasoning', choice: 0, text: 'hm' },
      text('{"a"'),
      text(':1}'),
      { type: 'warning', message: 'careful' },
      FINISH,
      USAGE,
    );
    const output = chatOutput(result, request);
    expect(output).toEqual({
      model: 'tiny',
      text: '{"a":1}',
      json: { a: 1 },
      reasoning: 'hm',
      finish_reason: 'stop',
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, cached_tokens: 1 },
      warnings: ['careful'],
    });
    expect(ChatOutput.parse(output)).toEqual(output);
  });

  it('gives no value of an answer that was cut or that nobody asked a schema for', async () => {
    const asked = readChatArguments({ prompt: 'Hi', response_schema: {} }, tiny);
    const cut = await resultOf(text('{"a"'), { type: 'finish', choice: 0, reason: 'length' }, USAGE);
    expect(chatOutput(cut, asked)).not.toHaveProperty('json');
    const free = await resultOf(text('1'), FINISH, USAGE);
    expect(chatOutput(free, readChatArguments({ prompt: 'Hi' }, tiny))).not.toHaveProperty('json');
  });

  it('takes an answer without counts, or without an answer, for a failure', async () => {
    const request = readChatArguments({ prompt: 'Hi' }, tiny);
    const uncounted = await resultOf(text('a'), FINISH);
    expect(() => chatOutput(uncounted, request)).toThrow('no token counts');
    const empty = await resultOf(USAGE);
    expect(() => chatOutput(empty, request)).toThrow('no answer');
  });
});

describe('embed', () => {
  it('keeps every vector to the last bit of its 32', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 8 }),
        (numbers) => {
          const vector = Float32Array.from(numbers);
          const request = readEmbedArguments({ input: 'a' }, tiny);
          const usage = { promptTokens: 1, completionTokens: 0 };
          const result = { embeddings: [vector], usage, warnings: [], model: 'tiny' } as unknown as InferenceResult;
          const output = JSON.parse(JSON.stringify(embedOutput(result, request))) as EmbedOutput;
          // JSON has no negative zero.
          expect(Float32Array.from(output.embeddings[0] ?? []).map((one) => one + 0)).toEqual(
            vector.map((one) => one + 0),
          );
        },
      ),
    );
  });

  it('reads one text or several, and misses no vector silently', async () => {
    expect(readEmbedArguments({ input: 'a', dimensions: 8 }, tiny)).toMatchObject({ inputs: ['a'], dimensions: 8 });
    const request = readEmbedArguments({ input: ['a', 'b'], model: 'other' }, tiny);
    expect(request).toEqual({ task: 'embed', model: 'other', inputs: ['a', 'b'] });
    const half = await resultOf({ type: 'embedding', index: 0, vector: new Float32Array(2) }, USAGE);
    expect(() => embedOutput(half, request)).toThrow('no vector for input 1 of 2');
    expect(() => readEmbedArguments({ input: [] }, tiny)).toThrow("'input' is invalid");
  });
});

describe('rerank and classify', () => {
  it('orders documents and gives them back', async () => {
    const request = readRerankArguments({ query: 'q', documents: ['a', 'b', 'c'], top: 2 }, tiny);
    const result = await resultOf(
      { type: 'score', index: 0, score: 0.1 },
      { type: 'score', index: 1, score: 0.9 },
      { type: 'score', index: 2, score: 0.5 },
      USAGE,
    );
    expect(rerankOutput(result, request)).toEqual({
      model: 'tiny',
      results: [
        { index: 1, score: 0.9, document: 'b' },
        { index: 2, score: 0.5, document: 'c' },
      ],
      usage: { prompt_tokens: 3 },
    });
  });

  it('labels texts as a whole, and pieces of them', async () => {
    const whole = await resultOf(
      { type: 'label', index: 0, label: 'bad', score: 0.2 },
      { type: 'label', index: 0, label: 'good', score: 0.8 },
      USAGE,
    );
    expect(classifyOutput(whole, readClassifyArguments({ input: 'fine' }, tiny)).results).toEqual([
      {
        labels: [
          { label: 'good', score: 0.8 },
          { label: 'bad', score: 0.2 },
        ],
      },
    ]);
    const pieces = await resultOf({ type: 'label', index: 0, label: 'name', score: 1, start: 3, end: 6 }, USAGE);
    expect(classifyOutput(pieces, readClassifyArguments({ input: ['To Pip'] }, tiny)).results).toEqual([
      { labels: [{ label: 'name', score: 1, start: 3, end: 6, text: 'Pip' }] },
    ]);
  });
});

describe('results', () => {
  it('have the same as text for clients that read nothing else', () => {
    expect(toolResult({ a: 1 })).toEqual({ content: [{ type: 'text', text: '{"a":1}' }], structuredContent: { a: 1 } });
  });

  it('tell a failure with the name of the argument, the code and what to do', () => {
    const error = new GolekError('unsupported', "'sampling.topK' is not supported by 'tiny'", {
      details: { option: 'sampling.topK' },
      retryAfter: 3,
    });
    expect(toolFailure(error, CHAT_TOOL_PARAMS)).toEqual({
      isError: true,
      content: [
        {
          type: 'text',
          text: "'top_k' is not supported by 'tiny' (unsupported). Leave the named option out, or choose a model or provider that supports it.",
        },
      ],
      _meta: {
        'golek/error': {
          code: 'unsupported',
          message: "'top_k' is not supported by 'tiny'",
          retryable: false,
          retryAfter: 3,
        },
      },
    });
  });
});
