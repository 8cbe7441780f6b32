import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGolek, type RunningGolek } from '../../running-golek.fixture.ts';

let golek: RunningGolek;
let client: OpenAI;
beforeAll(async () => {
  golek = await startGolek();
  client = new OpenAI({ baseURL: `${golek.url}/v1`, apiKey: 'none', maxRetries: 0 });
}, 60_000);
afterAll(() => golek[Symbol.asyncDispose]());

const model = 'golek-tiny';
const greedy = { model, temperature: 0 };

test('the text is that of chat completions, plain, streamed, and with a conversation that the server keeps', async () => {
  const system = { role: 'system' as const, content: 'Be brief.' };
  const ask = { role: 'user' as const, content: 'Hello! Who are you?' };
  const more = { role: 'user' as const, content: 'What can you do?' };
  const chat = async (messages: OpenAI.ChatCompletionMessageParam[]): Promise<[unknown, unknown, unknown]> => {
    const { choices, usage } = await client.chat.completions.create({ ...greedy, max_tokens: 24, messages });
    return [choices[0]?.message.content, usage?.prompt_tokens, usage?.completion_tokens];
  };
  const said = ({ output_text, usage }: OpenAI.Responses.Response): [unknown, unknown, unknown] => [
    output_text,
    usage?.input_tokens,
    usage?.output_tokens,
  ];
  const expected = await chat([system, ask]);
  expect(expected[0]).toMatch(/\w/);
  const fields = { ...greedy, max_output_tokens: 24, instructions: 'Be brief.' };
  const plain = await client.responses.create({ ...fields, input: ask.content });
  expect(said(plain)).toEqual(expected);
  expect(said(await client.responses.stream({ ...fields, input: [ask] }).finalResponse())).toEqual(expected);

  const answer = { role: 'assistant' as const, content: plain.output_text };
  const continued = await client.responses.create({ ...fields, input: [more], previous_response_id: plain.id });
  expect(said(continued)).toEqual(await chat([system, ask, answer, more]));
  expect(continued.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(10);
  const { input_tokens } = await client.responses.inputTokens.count({
    model,
    instructions: 'Be brief.',
    input: more.content,
    previous_response_id: plain.id,
  });
  expect(input_tokens).toBe(continued.usage?.input_tokens);
}, 60_000);

test('log-probabilities and a schema', async () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'boolean' } },
    required: ['a'],
    additionalProperties: false,
  };
  const response = await client.responses.create({
    ...greedy,
    input: 'hello',
    text: { format: { type: 'json_schema', name: 'n', schema, strict: true } },
    include: ['message.output_text.logprobs'],
    top_logprobs: 2,
  });
  expect(JSON.parse(response.output_text)).toEqual({ a: expect.any(Boolean) as boolean });
  const [item] = response.output;
  const part = item?.type === 'message' ? item.content[0] : undefined;
  if (part?.type !== 'output_text') throw new Error('no text');
  expect(part.logprobs?.length).toBe(response.usage?.output_tokens);
  expect(part.logprobs?.[0]?.top_logprobs).toHaveLength(2);
}, 60_000);

test('pictures: of a model that sees none, and of no file at all', async () => {
  const ask = (source: { file_id: string } | { image_url: string }): Promise<unknown> =>
    client.responses.create({
      model,
      input: [{ role: 'user', content: [{ type: 'input_image', detail: 'auto', ...source }] }],
    });
  const png =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==';
  await expect(ask({ image_url: png })).rejects.toMatchObject({
    status: 400,
    code: 'unsupported',
    param: 'input_image',
  });
  await expect(ask({ file_id: 'file-none' })).rejects.toMatchObject({ status: 404, code: 'not_found' });
});

test('bounds change while the server works', async () => {
  const kept = await client.responses.create({ ...greedy, input: 'hello', max_output_tokens: 1 });
  const set = (value: number): Promise<Response> =>
    fetch(`${golek.url}/admin/v1/config/responses.maxStored`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value }),
    });
  expect(await (await set(0)).json()).toMatchObject({ changed: ['responses.maxStored'], restart: [] });
  const not = await client.responses.create({ ...greedy, input: 'hello', max_output_tokens: 1 });
  expect(not).toMatchObject({ warnings: [expect.stringContaining("'responses.maxStored' is 0")] });
  for (const { id } of [kept, not]) await expect(client.responses.retrieve(id)).rejects.toThrow('no response');
}, 60_000);
