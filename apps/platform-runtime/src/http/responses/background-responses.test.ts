import type { FakeModel } from '@golek/providers-spi/testing';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { serve, type ServeOptions } from '../server.fixture.ts';
import { DEFAULT_RESPONSE_LIMITS } from './response-limits.ts';

const ask = { model: 'tiny', input: 'hello' };

const serving = async (tiny: FakeModel = {}, options: ServeOptions = {}) => {
  const server = await serve({ tiny }, options);
  const clientOf = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  return { ...server, clientOf, client: clientOf('none') };
};

const failureOf = async (work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const thrown = await work.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OpenAI.APIError);
  return thrown as InstanceType<typeof OpenAI.APIError>;
};

const statusOf = async (client: OpenAI, id: string): Promise<unknown> => (await client.responses.retrieve(id)).status;

describe('responses in the background', () => {
  test('are made while nobody waits, and fetched by their id', async () => {
    const { client, provider } = await serving({ delayMs: 20 });
    const begun = await client.responses.create({ ...ask, background: true });
    expect(begun).toMatchObject({ status: 'queued', output: [], background: true });
    expect(begun).not.toHaveProperty('usage');
    await expect.poll(() => statusOf(client, begun.id)).toBe('in_progress');
    await expect.poll(() => statusOf(client, begun.id)).toBe('completed');
    const done = await client.responses.retrieve(begun.id);
    expect(done.output_text).toBe('The answer is scripted.');
    expect(done.usage?.output_tokens).toBe(4);
    expect((await client.responses.cancel(begun.id)).status).toBe('completed');
    expect(provider.stats.active).toBe(0);
    const next = await client.responses.create({ ...ask, previous_response_id: begun.id });
    expect(next.status).toBe('completed');
  });

  test('are cancelled, which ends their work; what they had made is kept', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const { id } = await client.responses.create({ ...ask, background: true });
    await expect.poll(async () => (await client.responses.retrieve(id)).output_text).toBe('The answer');
    expect((await failureOf(client.responses.create({ ...ask, previous_response_id: id }))).status).toBe(409);
    expect((await failureOf(client.responses.inputItems.list(id))).status).toBe(409);
    const cancelled = await client.responses.cancel(id);
    expect(cancelled).toMatchObject({ status: 'cancelled', output: [{ status: 'incomplete' }], error: null });
    await expect.poll(() => provider.stats.active).toBe(0);
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'cancelled', output_text: 'The answer' });
    expect((await client.responses.cancel(id)).status).toBe('cancelled');
  });

  test('are cancelled when they are deleted', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const { id } = await client.responses.create({ ...ask, background: true });
    await expect.poll(() => provider.stats.active).toBe(1);
    await client.responses.delete(id);
    expect((await failureOf(client.responses.retrieve(id))).status).toBe(404);
    await expect.poll(() => provider.stats.active).toBe(0);
  });

  test('tell their failure', async () => {
    const { client } = await serving({ fail: { at: 1, code: 'provider_failed', message: 'broken' } });
    for (const [fields, type, code] of [
      [{}, 'provider_failed', 'server_error'],
      [{ model: 'none' }, 'model_not_found', 'invalid_prompt'],
    ] as const) {
      const { id } = await client.responses.create({ ...ask, ...fields, background: true });
      await expect.poll(() => statusOf(client, id)).toBe('failed');
      expect((await client.responses.retrieve(id)).error).toMatchObject({ type, code });
    }
  });

  test('end in time', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const headers = { 'x-golek-timeout-ms': '50' };
    const { id } = await client.responses.create({ ...ask, background: true }, { headers });
    await expect.poll(() => statusOf(client, id)).toBe('failed');
    expect((await client.responses.retrieve(id)).error?.type).toBe('deadline_exceeded');
    await expect.poll(() => provider.stats.active).toBe(0);
  });

  test('are bounded in number; one that was cancelled counts until it has stopped', async () => {
    const limits = { ...DEFAULT_RESPONSE_LIMITS, maxBackground: 1 };
    const { client, provider } = await serving({ hang: { at: 1 } }, { responses: () => limits });
    const { id } = await client.responses.create({ ...ask, background: true });
    const error = await failureOf(client.responses.create({ ...ask, background: true }));
    expect([error.status, error.code]).toEqual([503, 'overloaded']);
    expect(error.message).toContain("'responses.maxBackground'");
    await client.responses.cancel(id);
    await expect.poll(() => provider.stats.active).toBe(0);
    const next = await client.responses.create({ ...ask, background: true });
    await client.responses.cancel(next.id);
  });

  test('end with the runtime', async () => {
    const { client, engine } = await serving({ hang: { at: 2 } });
    const { id } = await client.responses.create({ ...ask, background: true });
    await expect.poll(() => statusOf(client, id)).toBe('in_progress');
    expect(await engine.drain(0)).toBe(false);
    await expect.poll(() => statusOf(client, id)).toBe('failed');
    expect((await client.responses.retrieve(id)).error?.type).toBe('shutting_down');
  });

  test('only what was in the background can be cancelled by its id', async () => {
    const { client } = await serving();
    const { id } = await client.responses.create(ask);
    const error = await failureOf(client.responses.cancel(id));
    expect([error.status, error.code]).toEqual([400, 'invalid_request']);
  });
});

describe('streamed responses in the background', () => {
  const words = Array.from({ length: 12 }, (_, index) => ` w${index}`);
  type Event = OpenAI.Responses.ResponseStreamEvent;
  const numbers = (events: readonly Event[]): number[] => events.map(({ sequence_number }) => sequence_number);
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  test('go on when their reader has left; another one goes on behind the last event, also when all is over', async () => {
    const { client, provider } = await serving({ answer: words, delayMs: 15 });
    const events: Event[] = [];
    const stream = await client.responses.create({ ...ask, background: true, stream: true });
    for await (const event of stream) if (events.push(event) === 6) break;
    const [first] = events;
    if (first?.type !== 'response.created') throw new Error('it has not begun');
    const { id } = first.response;
    expect(await statusOf(client, id)).toBe('in_progress');
    const rest = await client.responses.retrieve(id, { stream: true, starting_after: 5 });
    for await (const event of rest) events.push(event);
    expect(numbers(events)).toEqual(upTo(events.length));
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id, status: 'completed' } });
    expect(provider.stats.runs).toBe(1);
    const again: Event[] = [];
    for await (const event of await client.responses.retrieve(id, { stream: true })) again.push(event);
    expect(again).toEqual(events);
    const whole = await client.responses.stream({ response_id: id, starting_after: 9 }).finalResponse();
    expect(whole.output_text).toBe(words.join(''));
    expect(await statusOf(client, id)).toBe('completed');
    const none: Event[] = [];
    const after = await client.responses.retrieve(id, { stream: true, starting_after: 999 });
    for await (const event of after) none.push(event);
    expect(none).toEqual([]);
  });

  test('tell their readers when they are cancelled or fail', async () => {
    const { client, provider } = await serving({ hang: { at: 2 } });
    const stream = await client.responses.create({ ...ask, background: true, stream: true });
    const events: Event[] = [];
    const read = async (): Promise<void> => {
      for await (const event of stream) {
        events.push(event);
        if (event.type === 'response.output_text.delta' && event.delta === ' answer') {
          await client.responses.cancel(id());
        }
      }
    };
    const id = (): string => (events[0]?.type === 'response.created' ? events[0].response.id : '');
    expect((await failureOf(read())).code).toBe('cancelled');
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'cancelled' } });
    await expect.poll(() => provider.stats.active).toBe(0);
    expect(await client.responses.retrieve(id())).toMatchObject({ status: 'cancelled', output_text: 'The answer' });
    const wrong = await client.responses.create({ ...ask, model: 'none', background: true, stream: true });
    const failing = async (): Promise<void> => {
      for await (const event of wrong) events.push(event);
    };
    expect((await failureOf(failing())).code).toBe('model_not_found');
  });

  test('are bounded in their bytes', async () => {
    const limits = { ...DEFAULT_RESPONSE_LIMITS, maxBackground: 4, maxBytes: 20_000 };
    const { client, provider } = await serving(
      { answer: words.map((word) => word.repeat(100)) },
      { responses: () => limits },
    );
    const read = async (): Promise<void> => {
      const stream = await client.responses.create({ ...ask, background: true, stream: true });
      for await (const event of stream) expect(event).toBeDefined();
    };
    const error = await failureOf(read());
    expect(error.code).toBe('insufficient_memory');
    expect(error.message).toContain("'responses.maxBytes'");
    await expect.poll(() => provider.stats.active).toBe(0);
  });

  test('only these have events; what is asked for wrongly is named', async () => {
    const { client } = await serving();
    const { id } = await client.responses.create(ask);
    const error = await failureOf(client.responses.retrieve(id, { stream: true }));
    expect([error.status, error.code, error.param]).toEqual([400, 'unsupported', 'stream']);
    const after = await failureOf(client.responses.retrieve(id, { starting_after: 3 }));
    expect([after.code, after.param]).toEqual(['invalid_request', 'starting_after']);
    const include = await failureOf(client.responses.retrieve(id, { include: ['reasoning.encrypted_content'] }));
    expect(include.code).toBe('unsupported');
  });
});
