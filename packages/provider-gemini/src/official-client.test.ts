import {
  ApiError,
  createPartFromFunctionResponse,
  FunctionCallingConfigMode,
  GoogleGenAI,
  ThinkingLevel,
  type GenerateContentParameters,
} from '@google/genai';
import type { GenerateRequest } from '@golek/api';
import { FAULTS, startFaultyUpstream } from '@golek/faulty-upstream';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createGeminiProvider } from './index.ts';
import { chatInput, contextOf, geminiUrl } from './upstream.fixture.ts';

const upstream = await startFaultyUpstream({ models: { ...FAULTS, 'embed-x': { kind: 'ok' } } });
const provider = createGeminiProvider({ baseUrl: geminiUrl(upstream), apiKey: 'a-key' });
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => upstream.forget());

const clientOf = (apiVersion: string): GoogleGenAI =>
  new GoogleGenAI({
    apiKey: 'a-key',
    httpOptions: { baseUrl: `http://127.0.0.1:${upstream.port}`, apiVersion, retryOptions: { attempts: 1 } },
  });
const client = clientOf('v1beta');

describe("Google's own client reads what the server for tests sends", () => {
  it('whole and streamed, however the bytes are cut', async () => {
    const whole = await client.models.generateContent({ model: 'ok', contents: 'één twee 三 🎈' });
    expect([whole.text, whole.candidates?.[0]?.finishReason]).toEqual(['één twee 三 🎈', 'STOP']);
    expect(whole.usageMetadata).toMatchObject({ promptTokenCount: 4, candidatesTokenCount: 4 });
    for (const model of ['ok', 'slow-drip']) {
      const chunks = await Array.fromAsync(
        await client.models.generateContentStream({ model, contents: 'één twee 三 🎈' }),
      );
      expect(chunks.map(({ text }) => text).join('')).toBe('één twee 三 🎈');
      expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP');
    }
  });

  it('under the path of the first version as well', async () => {
    const { text } = await clientOf('v1').models.generateContent({ model: 'ok', contents: 'one two' });
    expect([text, upstream.calls[0]?.path]).toEqual(['one two', '/v1/models/ok:generateContent']);
  });

  it('counts, embeddings and the list of models', async () => {
    expect((await client.models.countTokens({ model: 'ok', contents: 'one two' })).totalTokens).toBe(2);
    const { embeddings } = await client.models.embedContent({ model: 'ok', contents: ['a', 'bb'] });
    expect(embeddings?.map(({ values }) => values?.length)).toEqual([4, 4]);
    const models = await Array.fromAsync(await client.models.list());
    expect(models.map(({ name }) => name)).toEqual([...Object.keys(FAULTS), 'embed-x'].map((name) => `models/${name}`));
  });

  it('failures, as status and within a stream', async () => {
    const failed = client.models.generateContent({ model: 'busy-without-time', contents: 'a' });
    await expect(failed).rejects.toSatisfy((error) => error instanceof ApiError && error.status === 429);
    const stream = await client.models.generateContentStream({ model: 'error-in-stream', contents: 'a b c d e' });
    await expect(Array.fromAsync(stream)).rejects.toSatisfy(
      (error) => error instanceof ApiError && error.status === 500,
    );
  });
});

/** What is asked for in both ways; the bodies have to be the same. */
const SAME: readonly (readonly [string, Partial<GenerateRequest>, Omit<GenerateContentParameters, 'model'>])[] = [
  [
    'sampling and limits',
    {
      input: chatInput('hi'),
      sampling: { temperature: 0.5, topP: 0.9, topK: 40, seed: 7, presencePenalty: 0.5, frequencyPenalty: -0.5 },
      maxTokens: 100,
      stop: ['END'],
      choices: 2,
      logprobs: { top: 3 },
    },
    {
      contents: 'hi',
      config: {
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        seed: 7,
        presencePenalty: 0.5,
        frequencyPenalty: -0.5,
        maxOutputTokens: 100,
        stopSequences: ['END'],
        candidateCount: 2,
        responseLogprobs: true,
        logprobs: 3,
      },
    },
  ],
  [
    'a conversation with tools',
    {
      input: chatInput('', {
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is here?' },
              { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
            ],
          },
          {
            role: 'assistant',
            content: [{ type: 'text', text: 'Let me see.' }],
            reasoningBlocks: [{ text: '', signature: 'gemini:0:c2ln' }],
            toolCalls: [
              { id: 'a', name: 'look', arguments: '{"at":"x"}' },
              { id: 'b', name: 'look', arguments: '{"at":"y"}' },
            ],
          },
          { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'a cat' }] },
          { role: 'tool', toolCallId: 'b', isError: true, content: [{ type: 'text', text: 'dark' }] },
        ],
        tools: [{ name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: {} } } }],
        toolChoice: { type: 'tool', name: 'look' },
        reasoning: { enabled: true, effort: 'low' },
      }),
    },
    {
      contents: [
        {
          role: 'user',
          parts: [{ text: 'What is here?' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
        },
        {
          role: 'model',
          parts: [
            { text: 'Let me see.' },
            { functionCall: { id: 'a', name: 'look', args: { at: 'x' } }, thoughtSignature: 'c2ln' },
            { functionCall: { id: 'b', name: 'look', args: { at: 'y' } } },
          ],
        },
        {
          role: 'user',
          parts: [
            createPartFromFunctionResponse('a', 'look', { output: 'a cat' }),
            createPartFromFunctionResponse('b', 'look', { error: 'dark' }),
          ],
        },
      ],
      config: {
        systemInstruction: { parts: [{ text: 'Be brief.' }] },
        tools: [
          {
            functionDeclarations: [
              {
                name: 'look',
                description: 'Looks.',
                parametersJsonSchema: { type: 'object', properties: { at: {} } },
              },
            ],
          },
        ],
        toolConfig: {
          functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['look'] },
        },
        thinkingConfig: { includeThoughts: true, thinkingLevel: ThinkingLevel.LOW },
      },
    },
  ],
  [
    'JSON by a schema',
    {
      input: chatInput('hi'),
      output: { type: 'json-schema', schema: { type: 'object', properties: { a: { type: 'string' } } } },
    },
    {
      contents: 'hi',
      config: {
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object', properties: { a: { type: 'string' } } },
      },
    },
  ],
];

describe("the provider sends what Google's own client sends", () => {
  it.each(SAME)('%s', async (_, request, parameters) => {
    const session = await provider.open({ name: 'm', location: 'ok' }, contextOf());
    await Array.fromAsync(await client.models.generateContentStream({ model: 'ok', ...parameters }));
    await Array.fromAsync(
      session.run({ task: 'generate', model: 'm', input: chatInput('hi'), ...request }, contextOf()),
    );
    const [theirs, ours] = upstream.calls;
    expect([ours?.path, ours?.body]).toEqual([theirs?.path, theirs?.body]);
    expect(ours?.headers['x-goog-api-key']).toBe(theirs?.headers['x-goog-api-key']);
  });

  it('of embeddings', async () => {
    const session = await provider.open({ name: 'm', location: 'embed-x', options: { tasks: ['embed'] } }, contextOf());
    const config = { outputDimensionality: 4 };
    await client.models.embedContent({ model: 'embed-x', contents: ['a', 'bb'], config });
    await Array.fromAsync(session.run({ task: 'embed', model: 'm', inputs: ['a', 'bb'], dimensions: 4 }, contextOf()));
    const [theirs, ours] = upstream.calls;
    const essence = (body: unknown): unknown =>
      // The client gives contents the role of a user, which embeddings do not need.
      JSON.parse(JSON.stringify(body).replaceAll(',"role":"user"', '').replaceAll('"role":"user",', ''));
    expect([ours?.path, essence(ours?.body)]).toEqual([theirs?.path, essence(theirs?.body)]);
  });
});
