import { collect } from '@golek/api/plain';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { generate } from '../fixtures/contract-model.ts';
import type { GenerateRequest, InferenceEvent, InferenceRequest, ModelSession } from '../index.ts';
import type { FakeModel } from './fake-model.ts';
import { fakeProvider } from './fake-provider.ts';

const { signal } = new AbortController();
const SOURCE = { name: 'm', location: 'here' };

const open = (model: FakeModel): Promise<ModelSession> =>
  fakeProvider({ models: { here: model } }).open(SOURCE, { signal });

const ask = async (model: FakeModel, request: InferenceRequest) =>
  collect((await open(model)).run(request, { id: 'r', signal }));

const prompt = (text: string, more: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt: text },
  ...more,
});

afterEach(() => void vi.useRealTimers());

describe('a scripted answer', () => {
  const answer = ['one', ' two', ' three', ' four'];

  it('is given token by token and counted', async () => {
    const result = await ask({ answer }, prompt('hello'));
    expect(result.choices).toMatchObject([{ text: 'one two three four', finish: 'stop' }]);
    expect(result.usage).toEqual({ promptTokens: 5, completionTokens: 4 });
  });

  it('may depend on the request and the choice', async () => {
    const model: FakeModel = { answer: ({ user }, choice) => [user ?? '', ` ${choice}`] };
    const result = await ask(model, prompt('hello', { user: 'me', choices: 2 }));
    expect(result.choices.map(({ text }) => text)).toEqual(['me 0', 'me 1']);
    expect(result.usage?.completionTokens).toBe(4);
  });

  it.each<[string, Partial<GenerateRequest>, object, number]>([
    ['a token limit', { maxTokens: 2 }, { text: 'one two', finish: 'length' }, 2],
    ['a limit that is not reached', { maxTokens: 4 }, { text: 'one two three four', finish: 'stop' }, 4],
    ['a stop string', { stop: ['four', ' thr'] }, { text: 'one two', finish: 'stop', stop: ' thr' }, 2],
    ['a stop string over two tokens', { stop: ['o t'] }, { text: 'one tw', finish: 'stop', stop: 'o t' }, 2],
    ['a stop string that does not come', { stop: ['five'] }, { text: 'one two three four', finish: 'stop' }, 4],
  ])('ends at %s', async (_, more, choice, completionTokens) => {
    const result = await ask({ answer }, prompt('hello', more));
    expect(result.choices).toMatchObject([choice]);
    expect(result.usage).toMatchObject({ completionTokens });
  });

  it('ends where the context is full, and is refused where the prompt fills it', async () => {
    const model = { answer, contextLength: 7 };
    expect((await ask(model, prompt('hello'))).choices).toMatchObject([{ text: 'one two', finish: 'length' }]);
    await expect(ask(model, prompt('too long'))).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  it('may hold reasoning, tool calls and warnings', async () => {
    const model: FakeModel = {
      answer: [
        { type: 'reasoning', text: 'hm' },
        { type: 'warning', message: 'careful' },
        { type: 'tool-call', index: 0, id: 'c1', name: 'now', arguments: '{"a"' },
        { type: 'tool-call', index: 0, arguments: ':1}' },
      ],
    };
    const { choices, warnings } = await ask(model, generate('hello'));
    const toolCalls = [{ id: 'c1', name: 'now', arguments: '{"a":1}' }];
    expect(choices).toMatchObject([{ reasoning: 'hm', toolCalls, finish: 'tool-calls' }]);
    expect(warnings).toEqual(['careful']);
  });

  it('is certain of its tokens', async () => {
    const { choices } = await ask({ answer: ['é'] }, prompt('x', { logprobs: { top: 2 } }));
    const token = { id: 256, text: 'é', bytes: [0xc3, 0xa9], logprob: 0 };
    expect(choices[0]?.logprobs).toEqual([{ ...token, top: [token] }]);
  });

  it('comes after its prompt when that is to be echoed', async () => {
    const { choices } = await ask(
      { answer },
      { ...prompt(''), input: { type: 'text', prompt: [104, 105], echo: true } },
    );
    expect(choices[0]?.text).toBe('hione two three four');
  });

  it('gives the choices in turn, each finish after its last token', async () => {
    const session = await open({ answer: (_, choice) => (choice ? ['a', 'b'] : ['x']) });
    const seen: string[] = [];
    for await (const event of session.run(prompt('hi', { choices: 2 }), { id: 'r', signal })) {
      seen.push('choice' in event ? `${event.choice}:${event.type}` : event.type);
    }
    expect(seen).toEqual(['0:text', '1:text', '0:finish', '1:text', '1:finish', 'usage']);
  });
});

describe('a fake model', () => {
  it('uses no timer unless it is told to wait', async () => {
    vi.useFakeTimers();
    const result = await ask({}, prompt('hello'));
    expect(result.choices[0]?.text).toBe('The answer is scripted.');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits before each event when it is told to', async () => {
    const session = await open({ answer: ['a'], delayMs: 1 });
    const events: InferenceEvent[] = [];
    for await (const event of session.run(prompt('x'), { id: 'r', signal })) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(['text', 'finish', 'usage']);
  });

  it('fails and hangs where it is told to, in the runs that it is told to', async () => {
    const failing: FakeModel = { fail: { at: 1, when: 'bad', code: 'overloaded', message: 'scripted' } };
    await expect(ask(failing, prompt('bad'))).rejects.toMatchObject({ code: 'overloaded', message: 'scripted' });
    await expect(ask(failing, prompt('good'))).resolves.toBeDefined();
    const session = await open({ hang: { at: 2 } });
    const client = new AbortController();
    const events = session.run(prompt('x'), { id: 'r', signal: client.signal })[Symbol.asyncIterator]();
    await events.next();
    await events.next();
    const hanging = events.next();
    client.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('embeds the same text as the same unit vector, cut to the dimensions asked for', async () => {
    const embed = (inputs: (string | number[])[], dimensions?: number) =>
      ask({}, { task: 'embed', model: 'm', inputs, ...(dimensions !== undefined && { dimensions }) });
    const { embeddings, usage } = await embed(['a', 'b', 'a', [1, 2]]);
    expect(embeddings.map((vector) => vector.length)).toEqual([16, 16, 16, 16]);
    expect(embeddings[0]).toEqual(embeddings[2]);
    expect(embeddings[0]).not.toEqual(embeddings[1]);
    for (const vector of embeddings) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(usage).toEqual({ promptTokens: 5, completionTokens: 0 });
    const short = (await embed(['a'], 4)).embeddings[0];
    expect(short?.length).toBe(4);
    expect(Math.hypot(...(short ?? []))).toBeCloseTo(1, 5);
    await expect(embed(['a'], 17)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('tokenizes text as its bytes and puts it together again', async () => {
    const { tokens } = await ask({}, { task: 'tokenize', model: 'm', text: 'né' });
    expect(tokens).toEqual([110, 0xc3, 0xa9]);
    const session = await open({});
    const events = session.run({ task: 'detokenize', model: 'm', tokens }, { id: 'd', signal })[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: 'text', text: 'né' });
    const odd = session.run({ task: 'detokenize', model: 'm', tokens: [256] }, { id: 'd', signal });
    await expect(odd[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('a fake provider', () => {
  it('counts what it does', async () => {
    const provider = fakeProvider({ models: { here: { parallel: 1 } } });
    await provider.inspect(SOURCE, { signal });
    const session = await provider.open(SOURCE, { signal });
    const first = session.run(prompt('x'), { id: 'a', signal })[Symbol.asyncIterator]();
    await first.next();
    const second = session.run(prompt('x'), { id: 'b', signal })[Symbol.asyncIterator]();
    const waiting = second.next();
    expect(provider.stats).toEqual({
      inspections: 1,
      opens: 1,
      disposals: 0,
      openSessions: 1,
      runs: 2,
      active: 2,
      pulled: 1,
    });
    await first.return?.();
    expect((await waiting).done).toBe(false);
    await session[Symbol.asyncDispose]();
    await expect(second.next()).rejects.toMatchObject({ code: 'shutting_down' });
    expect(provider.stats).toMatchObject({ disposals: 1, openSessions: 0, active: 0, pulled: 2 });
  });

  it('loads with the progress and the failure that it is told', async () => {
    const load = { steps: 2, stepMs: 1, error: { code: 'insufficient_memory', message: 'scripted' } } as const;
    const provider = fakeProvider({ models: { here: { load } } });
    const seen: number[] = [];
    const opening = provider.open(SOURCE, { signal, onProgress: (fraction) => seen.push(fraction) });
    await expect(opening).rejects.toMatchObject({ code: 'insufficient_memory', message: 'scripted' });
    expect(seen).toEqual([0.5, 1]);
    expect(provider.stats).toMatchObject({ opens: 0, openSessions: 0 });
  });

  it('has one model at `fake` unless it is told otherwise', async () => {
    const provider = fakeProvider();
    expect(provider.id).toBe('fake');
    await expect(provider.inspect({ name: 'n', location: 'fake' }, { signal })).resolves.toEqual({
      name: 'n',
      provider: 'fake',
      source: 'fake',
      tasks: ['generate', 'embed', 'tokenize', 'detokenize', 'count'],
      format: 'fake',
      contextLength: 4_096,
      embeddingLength: 16,
      chatTemplate: true,
      created: 0,
    });
    await expect(provider.inspect(SOURCE, { signal })).rejects.toMatchObject({
      code: 'model_not_found',
      details: { known: ['fake'] },
    });
  });
});
