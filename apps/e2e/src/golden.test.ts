import { collect, type InferenceResult } from '@golek/api';
import { golekTiny } from '@golek/model-tiny';
import { createGgufProvider, createIsolatedGgufProvider } from '@golek/provider-gguf';
import type { ModelSession, Provider } from '@golek/providers-spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN, goldenRequest, openaiMessages, type GoldenCase } from './golden.fixture.ts';
import { serve, type GolekServer } from './golek-server.fixture.ts';

const signal = new AbortController().signal;
const plain = GOLDEN.filter(({ name }) => name !== 'tool_call');
const toolCall = GOLDEN.find(({ name }) => name === 'tool_call') as GoldenCase;

let server: GolekServer;
let inProcess: { provider: Provider; session: ModelSession };
let inChild: { provider: Provider; session: ModelSession };

const open = async (provider: Provider) => ({
  provider,
  session: await provider.open({ name: golekTiny.name, location: golekTiny.path }, { signal }),
});

beforeAll(async () => {
  server = await serve();
  inProcess = await open(createGgufProvider({ threads: 1 }));
  inChild = await open(createIsolatedGgufProvider({ threads: 1 }));
});
afterAll(async () => {
  await inProcess.provider[Symbol.asyncDispose]();
  await inChild.provider[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const post = async (path: string, body: object): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const bodyOf = (golden: GoldenCase): object => ({
  model: golekTiny.name,
  temperature: 0,
  ...(golden.prompt === undefined
    ? { messages: openaiMessages(golden), ...(golden.tools && { tools: golden.tools }), logprobs: true }
    : { prompt: golden.prompt, max_tokens: 200, logprobs: 0 }),
});
const pathOf = ({ prompt }: GoldenCase): string => (prompt === undefined ? '/v1/chat/completions' : '/v1/completions');

interface WireChoice {
  readonly text?: string;
  readonly message?: { readonly content: string };
  readonly delta?: { readonly content?: string };
  readonly logprobs?: {
    readonly content?: readonly { readonly bytes: readonly number[] }[];
    readonly tokens?: readonly string[];
  } | null;
}
interface WireAnswer {
  readonly choices: readonly WireChoice[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
}

/** Byte strings of the tokens in a choice or chunk, so that they can be compared with those of the session. */
const tokenBytes = ({ logprobs }: WireChoice): string[] =>
  logprobs?.tokens
    ? [...logprobs.tokens]
    : (logprobs?.content ?? []).map(({ bytes }) => Buffer.from(bytes).toString('latin1'));

/** The known tokens of an answer, up to where floating point may decide otherwise. */
const stable = <T>({ stableTokens }: GoldenCase, tokens: readonly T[]): readonly T[] => tokens.slice(0, stableTokens);
const isStable = ({ stableTokens, tokens }: GoldenCase): boolean => stableTokens === tokens.length;

const overSession = async (session: ModelSession, golden: GoldenCase): Promise<InferenceResult> => {
  const request = { ...goldenRequest(golden), maxTokens: 200, logprobs: { top: 0 } };
  return collect(session.run(request, { id: golden.name, signal }));
};

describe.each(plain)('golden prompt $name', (golden) => {
  const bytes: string[] = [];

  it('gives the known tokens in process', async () => {
    const { choices, usage } = await overSession(inProcess.session, golden);
    const tokens = choices[0]?.logprobs ?? [];
    if (isStable(golden)) expect(choices[0]).toMatchObject({ text: golden.text, finish: golden.finish });
    expect(
      stable(
        golden,
        tokens.map(({ id }) => id),
      ),
    ).toEqual(stable(golden, golden.tokens));
    expect(usage?.promptTokens).toBe(golden.promptTokens.length);
    bytes.push(
      ...tokens.map((token) =>
        golden.prompt === undefined ? Buffer.from(token.bytes).toString('latin1') : token.text,
      ),
    );
  });

  it('gives the known tokens in a child process', async () => {
    const { choices, usage } = await overSession(inChild.session, golden);
    expect(stable(golden, choices[0]?.logprobs.map(({ id }) => id) ?? [])).toEqual(stable(golden, golden.tokens));
    if (isStable(golden)) expect(choices[0]?.text).toBe(golden.text);
    expect(usage?.promptTokens).toBe(golden.promptTokens.length);
  });

  it('gives the known tokens over HTTP, unary', async () => {
    const response = await post(pathOf(golden), bodyOf(golden));
    const answer = (await response.json()) as WireAnswer;
    const [choice] = answer.choices;
    if (isStable(golden)) expect(choice?.message?.content ?? choice?.text).toBe(golden.text);
    expect(stable(golden, tokenBytes(choice as WireChoice))).toEqual(stable(golden, bytes));
    expect(answer.usage?.prompt_tokens).toBe(golden.promptTokens.length);
  });

  it('gives the known tokens over HTTP, streamed', async () => {
    const response = await post(pathOf(golden), {
      ...bodyOf(golden),
      stream: true,
      stream_options: { include_usage: true },
    });
    const frames = (await response.text())
      .split('\n\n')
      .filter((frame) => frame.startsWith('data: ') && frame !== 'data: [DONE]');
    const chunks = frames.map((frame) => JSON.parse(frame.slice(6)) as WireAnswer);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    if (isStable(golden))
      expect(choices.map(({ delta, text }) => delta?.content ?? text ?? '').join('')).toBe(golden.text);
    expect(stable(golden, choices.flatMap(tokenBytes))).toEqual(stable(golden, bytes));
    expect(chunks.at(-1)?.usage?.prompt_tokens).toBe(golden.promptTokens.length);
  });
});

describe('golden tool call', () => {
  const expected = { name: 'get_weather', arguments: '{"city": "Paris"}' };
  const countOf = (result: InferenceResult) => result.usage?.completionTokens;

  it('is the same in process, in a child process, over HTTP and streamed', async () => {
    const request = goldenRequest(toolCall);
    const local = await collect(inProcess.session.run(request, { id: 'local', signal }));
    const child = await collect(inChild.session.run(request, { id: 'child', signal }));
    for (const result of [local, child]) {
      expect(result.choices[0]).toMatchObject({ toolCalls: [expected], finish: 'tool-calls' });
      expect(result.usage?.promptTokens).toBe(toolCall.promptTokens.length);
    }
    expect(countOf(child)).toBe(countOf(local));
    const unary = (await (await post(pathOf(toolCall), { ...bodyOf(toolCall), logprobs: false })).json()) as {
      choices: { message: { tool_calls: { function: object }[] } }[];
      usage: { completion_tokens: number };
    };
    expect(unary.choices[0]?.message.tool_calls.map((call) => call.function)).toEqual([expected]);
    expect(unary.usage.completion_tokens).toBe(countOf(local));
  });
});
