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

describe('stored responses', () => {
  test('are found by their id, plain and streamed, until they are deleted', async () => {
    const { client } = await serving();
    const plain = await client.responses.create(ask);
    const streamed = await client.responses.stream(ask).finalResponse();
    for (const { id, output_text } of [plain, streamed]) {
      const found = await client.responses.retrieve(id);
      expect(found).toMatchObject({ id, output_text, status: 'completed' });
      await client.responses.delete(id);
      const error = await failureOf(client.responses.retrieve(id));
      expect([error.status, error.code, error.param]).toEqual([404, 'not_found', 'response_id']);
      expect(error.message).toContain('was deleted');
      expect((await failureOf(client.responses.delete(id))).status).toBe(404);
    }
  });

  test('are not kept with store: false', async () => {
    const { client } = await serving();
    const { id } = await client.responses.create({ ...ask, store: false });
    expect((await failureOf(client.responses.retrieve(id))).status).toBe(404);
    const next = await failureOf(client.responses.create({ ...ask, previous_response_id: id }));
    expect([next.status, next.param]).toEqual([404, 'previous_response_id']);
    expect(next.message).toContain("send the whole conversation in 'input'");
  });

  test('go on although an earlier one was deleted, without its instructions', async () => {
    const seen: string[] = [];
    const { client } = await serving({
      answer: ({ input }) => {
        if (input.type === 'chat') {
          seen.push(
            input.messages
              .map(
                ({ role, content }) => `${role}: ${content.map((part) => ('text' in part ? part.text : '')).join('')}`,
              )
              .join(' | '),
          );
        }
        return [`answer ${seen.length}`];
      },
    });
    const first = await client.responses.create({ ...ask, instructions: 'Be brief.' });
    const second = await client.responses.create({ ...ask, input: 'more', previous_response_id: first.id });
    await client.responses.delete(first.id);
    const third = await client.responses.create({
      ...ask,
      input: 'and more',
      previous_response_id: second.id,
      instructions: 'In French.',
    });
    expect(third.output_text).toBe('answer 3');
    expect(seen).toEqual([
      'system: Be brief. | user: hello',
      'user: hello | assistant: answer 1 | user: more',
      'system: In French. | user: hello | assistant: answer 1 | user: more | assistant: answer 2 | user: and more',
    ]);
  });

  test('list the conversation that they answer, in pages', async () => {
    const { client } = await serving();
    const first = await client.responses.create(ask);
    const second = await client.responses.create({
      model: 'tiny',
      previous_response_id: first.id,
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'more' }] }],
    });
    const texts: unknown[] = [];
    for await (const item of client.responses.inputItems.list(second.id, { limit: 1, order: 'asc' })) {
      texts.push(item.type === 'message' && item.content[0] && 'text' in item.content[0] ? item.content[0].text : item);
    }
    expect(texts).toEqual(['hello', 'The answer is scripted.', 'more']);
    const latest = await client.responses.inputItems.list(second.id);
    expect(latest.data[0]).toMatchObject({ type: 'message', role: 'user', content: [{ text: 'more' }] });
    expect(new Set(latest.data.map(({ id }) => id)).size).toBe(3);
    const list = (fields: object): Promise<unknown> =>
      client.get(`/responses/${second.id}/input_items`, { query: fields });
    expect((await failureOf(list({ limit: '0' }))).message).toContain("'limit'");
    expect((await failureOf(list({ after: 'x' }))).param).toBe('after');
    expect((await failureOf(list({ oder: 'asc' }))).message).toContain("did you mean 'order'");
  });

  test("are their tenant's only", async () => {
    const authenticators = [
      {
        name: 'keys',
        authenticate: ({ headers }: { readonly headers: { readonly authorization?: string | undefined } }) => {
          const tenant = headers.authorization?.replace('Bearer ', '') ?? '';
          return { id: 'user', tenant, scopes: ['inference' as const] };
        },
      },
    ];
    const { clientOf } = await serving({ hang: { at: 1 } }, { authenticators });
    const { clientOf: quick } = await serving({}, { authenticators });
    const mine = await quick('ada').responses.create(ask);
    const running = await clientOf('ada').responses.create({ ...ask, background: true });
    for (const [theirs, id] of [[quick('bob'), mine.id] as const, [clientOf('bob'), running.id] as const]) {
      const works = [
        theirs.responses.retrieve(id),
        theirs.responses.delete(id),
        theirs.responses.cancel(id),
        theirs.responses.inputItems.list(id),
        theirs.responses.create({ ...ask, previous_response_id: id }),
        theirs.responses.create({ model: 'tiny', input: [{ type: 'item_reference', id: mine.output[0]?.id ?? '' }] }),
      ];
      for (const work of works) expect((await failureOf(work)).status).toBe(404);
    }
    expect((await quick('ada').responses.retrieve(mine.id)).id).toBe(mine.id);
    await clientOf('ada').responses.cancel(running.id);
  });

  test('what is too large to be kept is answered all the same, and says so', async () => {
    const { client } = await serving({}, { responses: () => ({ ...DEFAULT_RESPONSE_LIMITS, maxBytes: 500 }) });
    const response = await client.responses.create(ask);
    expect(response).toMatchObject({
      output_text: 'The answer is scripted.',
      warnings: [expect.stringContaining("'responses.maxBytes' is 500")],
    });
  });
});

test('a short request cannot refer to a long item so often that nothing can hold it', async () => {
  const { client, provider } = await serving(
    { contextLength: 100_000 },
    { responses: () => ({ ...DEFAULT_RESPONSE_LIMITS, maxBytes: 50_000 }) },
  );
  const { id } = await client.responses.create({ model: 'tiny', input: 'x'.repeat(10_000) });
  const [item] = (await client.responses.inputItems.list(id)).data;
  const input = Array.from({ length: 6 }, () => ({ type: 'item_reference' as const, id: item?.id ?? '' }));
  const error = await failureOf(client.responses.create({ model: 'tiny', input }));
  expect([error.status, error.code]).toEqual([413, 'request_too_large']);
  expect(provider.stats.runs).toBe(1);
  expect((await client.responses.create({ model: 'tiny', input: input.slice(0, 2), store: false })).status).toBe(
    'completed',
  );
});
