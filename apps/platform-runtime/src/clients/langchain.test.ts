import { AIMessage, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings, type ChatOpenAIFields } from '@langchain/openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startGolek, startScripted, type RunningGolek } from '../running-golek.fixture.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

let golek: RunningGolek;
let scripted: RunningGolek;
beforeAll(async () => {
  golek = stack.use(await startGolek());
  scripted = stack.use(
    await startScripted({
      endless: { answer: ['one', ' two'], hang: { at: 1 } },
      slow: { answer: Array.from({ length: 1000 }, () => 'word '), delayMs: 20 },
      busy: { fail: { at: 0, code: 'overloaded', message: 'too much to do' } },
      'busy-once': { fail: { at: 0, code: 'overloaded', message: 'too much to do', times: 1 } },
      cut: { answer: ['one', ' two', ' three'], delayMs: 20, fail: { at: 2, code: 'engine_crashed', message: 'gone' } },
    }),
  );
}, 60_000);

const chatOf = ({ url }: RunningGolek, model: string, fields: ChatOpenAIFields = {}): ChatOpenAI =>
  new ChatOpenAI({
    model,
    apiKey: 'none',
    configuration: { baseURL: `${url}/v1` },
    maxRetries: 0,
    temperature: 0,
    ...fields,
  });

const tiny = (fields: ChatOpenAIFields = {}): ChatOpenAI => chatOf(golek, 'golek-tiny', { maxTokens: 60, ...fields });

const PROMPT = 'Who are you?';

const weather = tool(({ city }) => `21 °C in ${city}`, {
  name: 'get_weather',
  description: 'Get the current weather for a city.',
  schema: z.object({ city: z.string() }),
});

const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
};

describe('LangChain, ChatOpenAI', () => {
  test('invoke: the text, the end and the counts of the engine', async () => {
    const answer = await tiny().invoke(PROMPT);
    const { choices, usage } = await golek.run({
      task: 'generate',
      model: 'golek-tiny',
      input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: PROMPT }] }] },
      maxTokens: 60,
      sampling: { temperature: 0 },
    });
    expect(answer.text).toBe(choices[0]?.text);
    expect(answer.usage_metadata).toMatchObject({
      input_tokens: usage?.promptTokens,
      output_tokens: usage?.completionTokens,
    });
    expect(answer.response_metadata).toMatchObject({ finish_reason: 'stop', model_name: 'golek-tiny' });
  });

  test('stream: the same in pieces, with the counts at the end', async () => {
    const pieces = await Array.fromAsync(await tiny().stream(PROMPT));
    const whole = await tiny().invoke(PROMPT);
    expect(pieces.map(({ text }) => text).join('')).toBe(whole.text);
    expect(pieces.filter(({ text }) => text !== '').length).toBeGreaterThan(2);
    // Counts that were told twice would be added up.
    const joined = pieces.reduce((before, piece) => before.concat(piece));
    expect(joined.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
    expect(joined.usage_metadata).toEqual(whole.usage_metadata);
  });

  test('batch: several conversations at once', async () => {
    const answers = await tiny().batch([
      PROMPT,
      PROMPT,
      [new HumanMessage(PROMPT), new AIMessage('I am Golek.'), new HumanMessage('Hello!')],
    ]);
    expect(answers.map(({ text }) => text !== '')).toEqual([true, true, true]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });

  test.each(['jsonSchema', 'functionCalling', 'jsonMode'] as const)('withStructuredOutput by %s', async (method) => {
    const schema = z.object({ likes: z.boolean() });
    // The mode without a schema leaves the keys to the model: the prompt has to say them, and a model to follow.
    const asked = method === 'jsonMode' ? z.record(z.string(), z.unknown()) : schema;
    const answer = await tiny().withStructuredOutput(asked, { method, name: 'opinion' }).invoke('Do you like kites?');
    expect(asked.parse(answer)).toEqual(answer);
    if (method !== 'jsonMode') expect(Object.keys(answer)).toEqual(['likes']);
  });

  test('bindTools: calls, whose results are sent back', async () => {
    const model = tiny().bindTools([weather]);
    const question = new HumanMessage('What is the weather in Bonn?');
    const answer = await model.invoke([question]);
    expect(answer.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: 'Bonn' } }]);
    const [call] = answer.tool_calls ?? [];
    if (!call) throw new Error('no call');
    const result: unknown = await weather.invoke(call);
    if (!(result instanceof ToolMessage)) throw new Error('no result of a tool');
    const final = await model.invoke([question, answer, result]);
    expect(final.tool_calls).toEqual([]);
    expect(final.text).not.toBe('');
  });

  test.each(['any', 'get_weather'])('tool_choice %s is obeyed, streamed too', async (tool_choice) => {
    const model = tiny().bindTools([weather], { tool_choice });
    expect((await model.invoke('Hello!')).tool_calls).toMatchObject([
      { name: 'get_weather', args: { city: expect.any(String) } },
    ]);
    const pieces = await Array.fromAsync(await model.stream('Hello!'));
    const whole = pieces.reduce((joined, piece) => joined.concat(piece));
    expect(whole.tool_calls).toMatchObject([{ name: 'get_weather', args: { city: expect.any(String) } }]);
  });

  test.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('an abort of %s frees the run', async (_, stream) => {
    const controller = new AbortController();
    const { signal } = controller;
    const model = chatOf(scripted, 'endless');
    const reading = failureOf(
      stream
        ? model.stream('Go on.', { signal }).then((pieces) => Array.fromAsync(pieces))
        : model.invoke('Go on.', { signal }),
    );
    await expect.poll(() => scripted.inFlight()).toBe(1);
    controller.abort();
    expect(await reading).toBeInstanceOf(Error);
    await expect.poll(() => scripted.inFlight()).toBe(0);
  });

  // It reads ahead: leaving takes until the next piece.
  test('leaving a stream frees the run', async () => {
    for await (const piece of await chatOf(scripted, 'slow').stream('Go on.')) if (piece.text !== '') break;
    await expect.poll(() => scripted.inFlight(), { timeout: 5000 }).toBe(0);
  });

  test.each([
    ['no-such-model', {}, 404, 'model_not_found'],
    ['busy', {}, 503, 'overloaded'],
    ['endless', { topP: 5 }, 400, 'invalid_request'],
  ])('a failure has status and code: %s', async (name, fields, status, code) => {
    for (const streaming of [false, true]) {
      const error = await failureOf(chatOf(scripted, name, { ...fields, streaming }).invoke('Hi'));
      expect(error).toMatchObject({ status, code });
    }
  });

  test('what can get better is tried again', async () => {
    expect((await chatOf(scripted, 'busy-once', { maxRetries: 1 }).invoke('Hi')).text).toBe('The answer is scripted.');
  });

  test('a stream that fails is a failure, not an end', async () => {
    let text = '';
    const read = async (): Promise<void> => {
      for await (const piece of await chatOf(scripted, 'cut').stream('Hi')) text += piece.text;
    };
    expect(await failureOf(read())).toMatchObject({ message: expect.stringContaining('gone') });
    expect(text).toBe('one two');
  });
});

describe('LangChain, OpenAIEmbeddings', () => {
  const embeddings = ({ url }: RunningGolek, model: string): OpenAIEmbeddings =>
    new OpenAIEmbeddings({ model, apiKey: 'none', configuration: { baseURL: `${url}/v1` }, maxRetries: 0 });

  test('documents and queries', async () => {
    const model = embeddings(golek, 'golek-embed');
    const direct = await golek.run({ task: 'embed', model: 'golek-embed', inputs: ['a cat', 'a dog'] });
    const documents = await model.embedDocuments(['a cat', 'a dog']);
    expect(documents.map((vector) => Float32Array.from(vector))).toEqual(direct.embeddings);
    expect(await model.embedQuery('a cat')).toEqual(documents[0]);
  });

  test('a failure has status and code', async () => {
    const error = await failureOf(embeddings(golek, 'no-such-model').embedQuery('a'));
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});
