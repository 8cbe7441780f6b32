import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError,
  embed,
  embedMany,
  generateObject,
  generateText,
  isStepCount,
  Output,
  RetryError,
  streamText,
  tool,
  type LanguageModel,
} from 'ai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startGolek, startScripted, type RunningGolek } from '../running-golek.fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

/** golek-tiny and golek-embed; and models that do what real ones do not do when they are told to. */
let golek: RunningGolek;
let scripted: RunningGolek;
beforeAll(async () => {
  // Models that it does not know by name are warned of.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  golek = stack.use(await startGolek());
  scripted = stack.use(
    await startScripted({
      endless: { answer: ['one', ' two'], hang: { at: 1 } },
      busy: { fail: { at: 0, code: 'overloaded', message: 'too much to do' } },
      'busy-once': { fail: { at: 0, code: 'overloaded', message: 'too much to do', times: 1 } },
      cut: { answer: ['one', ' two', ' three'], delayMs: 20, fail: { at: 2, code: 'engine_crashed', message: 'gone' } },
      planner: {
        answer: ({ input }) => {
          const results = input.type === 'chat' ? input.messages.filter(({ role }) => role === 'tool').length : 0;
          if (results === 2) return ['Bonn 21', ', Rome 30.'];
          const city = results === 0 ? 'Bonn' : 'Rome';
          return [
            { type: 'tool-call', index: 0, id: `call_${results}`, name: 'weather', arguments: '{"city":' },
            { type: 'tool-call', index: 0, arguments: `"${city}"}` },
          ];
        },
      },
    }),
  );
}, 60_000);

type ModelOf = (server: RunningGolek, name: string) => LanguageModel;

const openAi = ({ url }: RunningGolek) =>
  createOpenAICompatible({ name: 'golek', baseURL: `${url}/v1`, includeUsage: true, supportsStructuredOutputs: true });
const PROVIDERS: readonly (readonly [string, ModelOf])[] = [
  ['@ai-sdk/openai-compatible', (server, name) => openAi(server).chatModel(name)],
  ['@ai-sdk/anthropic', ({ url }, name) => createAnthropic({ baseURL: `${url}/v1`, apiKey: 'none' })(name)],
];

const PROMPT = 'Who are you?';
const said = { maxOutputTokens: 24, temperature: 0 } as const;

const directly = async (): Promise<{ text: string | undefined; tokens: number | undefined }> => {
  const { choices, usage } = await golek.run({
    task: 'generate',
    model: 'golek-tiny',
    input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: PROMPT }] }] },
    maxTokens: 24,
    sampling: { temperature: 0 },
  });
  return { text: choices[0]?.text, tokens: usage?.completionTokens };
};

const failureOf = async (work: PromiseLike<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
};

/** Which cities were asked for, and a tool that notes them. */
const weatherOf = () => {
  const asked: string[] = [];
  const weather = tool({
    description: 'Get the current weather for a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => {
      asked.push(city);
      return { celsius: 21 };
    },
  });
  return { asked, weather };
};

describe.each(PROVIDERS)('Vercel AI SDK, %s', (_, modelOf) => {
  test('generateText: the text, the end and the counts of the engine', async () => {
    const answer = await generateText({ model: modelOf(golek, 'golek-tiny'), prompt: PROMPT, ...said });
    const { text, tokens } = await directly();
    expect([answer.text, answer.finishReason, answer.usage.outputTokens]).toEqual([text, 'stop', tokens]);
    expect(answer.usage.inputTokens).toBeGreaterThan(0);
    expect(answer.warnings ?? []).toEqual([]);
  });

  test('streamText: the same in pieces', async () => {
    const answer = streamText({ model: modelOf(golek, 'golek-tiny'), prompt: PROMPT, ...said });
    const pieces = await Array.fromAsync(answer.textStream);
    const { text, tokens } = await directly();
    expect(pieces.join('')).toBe(text);
    expect(pieces.length).toBeGreaterThan(2);
    expect([await answer.finishReason, (await answer.usage).outputTokens]).toEqual(['stop', tokens]);
  });

  test('generateObject and Output.object: what the schema says, whatever the model would say', async () => {
    const schema = z.object({ likes: z.boolean(), colour: z.enum(['red', 'blue']) });
    const model = modelOf(golek, 'golek-tiny');
    const ask = { model, prompt: 'Do you like kites? Which colour?', temperature: 0 };
    const { object } = await generateObject({ ...ask, schema });
    expect(schema.parse(object)).toEqual(object);
    const { output } = await generateText({ ...ask, output: Output.object({ schema }) });
    expect(schema.parse(output)).toEqual(output);
    const streamed = streamText({ ...ask, output: Output.object({ schema }) });
    const partial = await Array.fromAsync(streamed.partialOutputStream);
    expect(await streamed.output).toEqual(output);
    expect(partial.at(-1)).toEqual(output);
  });

  test('a tool that the model asks for is executed, and its result is sent back', async () => {
    const { asked, weather } = weatherOf();
    const { text, steps } = await generateText({
      model: modelOf(golek, 'golek-tiny'),
      prompt: 'What is the weather in Bonn?',
      temperature: 0,
      maxOutputTokens: 60,
      tools: { get_weather: weather },
      stopWhen: isStepCount(3),
    });
    expect(asked).toEqual(['Bonn']);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(steps[0]?.toolResults.map(({ output }) => output)).toEqual([{ celsius: 21 }]);
    expect(text).not.toBe('');
  });

  test.each(['required', { type: 'tool', toolName: 'weather' }] as const)(
    'toolChoice %j is obeyed',
    async (toolChoice) => {
      const { asked, weather } = weatherOf();
      const { toolCalls } = await generateText({
        model: modelOf(golek, 'golek-tiny'),
        prompt: 'Hello!',
        temperature: 0,
        maxOutputTokens: 60,
        tools: { weather },
        toolChoice,
      });
      expect(toolCalls.map(({ toolName }) => toolName)).toEqual(['weather']);
      expect(asked.map((city) => typeof city)).toEqual(['string']);
    },
  );

  test('several steps of tools, streamed', async () => {
    const { asked, weather } = weatherOf();
    const model = modelOf(scripted, 'planner');
    const answer = streamText({ model, prompt: 'Weather?', tools: { weather }, stopWhen: isStepCount(5) });
    expect((await Array.fromAsync(answer.textStream)).join('')).toBe('Bonn 21, Rome 30.');
    expect(asked).toEqual(['Bonn', 'Rome']);
    expect((await answer.steps).map(({ toolCalls }) => toolCalls.length)).toEqual([1, 1, 0]);
  });

  test.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('an abort of %s frees the run', async (_name, stream) => {
    const controller = new AbortController();
    const ask = {
      model: modelOf(scripted, 'endless'),
      prompt: 'Go on.',
      abortSignal: controller.signal,
      maxRetries: 0,
    };
    const reading = stream ? Array.fromAsync(streamText(ask).stream, ({ type }) => type) : failureOf(generateText(ask));
    await expect.poll(() => scripted.inFlight()).toBe(1);
    controller.abort();
    if (stream) expect((await reading) as string[]).toContain('abort');
    else expect(await reading).toMatchObject({ name: 'AbortError' });
    await expect.poll(() => scripted.inFlight()).toBe(0);
  });

  test.each([
    ['no-such-model', {}, 404, false, /no-such-model/],
    ['busy', {}, [503, 529], true, /too much to do/],
    ['endless', { topP: 5 }, 400, false, /top_p/],
  ])('a failure is an APICallError: %s', async (name, fields, status, isRetryable, words) => {
    const error = await failureOf(
      generateText({ model: modelOf(scripted, name), prompt: 'Hi', maxRetries: 0, ...fields }),
    );
    expect(APICallError.isInstance(error)).toBe(true);
    const { statusCode, isRetryable: may, message, responseBody } = error as APICallError;
    expect([status].flat()).toContain(statusCode);
    expect([may, message]).toEqual([isRetryable, expect.stringMatching(words)]);
    expect(responseBody).toContain('"');
  });

  test('what can get better is tried again, and not for ever', async () => {
    const ask = { prompt: 'Hi', maxRetries: 1 };
    expect((await generateText({ ...ask, model: modelOf(scripted, 'busy-once') })).text).toBe(
      'The answer is scripted.',
    );
    const error = await failureOf(generateText({ ...ask, model: modelOf(scripted, 'busy') }));
    expect(RetryError.isInstance(error)).toBe(true);
    expect((error as RetryError).errors).toHaveLength(2);
  });

  test('a stream that fails has an error at its end, not a finish', async () => {
    const errors: unknown[] = [];
    const answer = streamText({
      model: modelOf(scripted, 'cut'),
      prompt: 'Hi',
      maxRetries: 0,
      onError: ({ error }) => void errors.push(error),
    });
    const parts = await Array.fromAsync(answer.stream);
    const text = parts.flatMap((part) => (part.type === 'text-delta' ? [part.text] : [])).join('');
    expect('one two'.startsWith(text)).toBe(true);
    expect(text).not.toBe('');
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).toContain('gone');
    expect(parts.some((part) => part.type === 'finish-step' && part.finishReason === 'stop')).toBe(false);
  });
});

describe('Vercel AI SDK, vectors', () => {
  test('embed and embedMany', async () => {
    const model = openAi(golek).embeddingModel('golek-embed');
    const { embeddings } = await golek.run({ task: 'embed', model: 'golek-embed', inputs: ['a cat', 'a dog'] });
    const many = await embedMany({ model, values: ['a cat', 'a dog'] });
    expect(many.embeddings.map((vector) => Float32Array.from(vector))).toEqual(embeddings);
    const one = await embed({ model, value: 'a cat' });
    expect(one.embedding).toEqual(many.embeddings[0]);
    expect(one.usage.tokens).toBeGreaterThan(0);
  });

  test('a model without vectors is an APICallError', async () => {
    const error = await failureOf(
      embed({ model: openAi(golek).embeddingModel('no-such-model'), value: 'a', maxRetries: 0 }),
    );
    expect(APICallError.isInstance(error) && error.statusCode).toBe(404);
  });
});
