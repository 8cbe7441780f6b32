import type { GenerateRequest, InferenceRequest } from '@golek/api';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cellOf, COLUMNS, type Column } from './columns.fixture.ts';
import { geminiVector } from './gemini-service.fixture.ts';
import { MAX_TOKENS, Refused, WEATHER, type Protocol, type Subject } from './protocol.fixture.ts';
import { PROTOCOLS } from './protocols.fixture.ts';
import { startServers, type Servers } from './servers.fixture.ts';
import { WORD_CHAIN } from './word-chain.fixture.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
}, 60_000);
afterAll(() => servers[Symbol.asyncDispose]());
afterEach(() => expect.poll(() => servers.inFlight()).toEqual([0, 0]));

const PROMPTS = { chat: 'Who are you?', text: 'Once upon', tools: 'What is the weather in Bonn?' } as const;
const INPUTS = ['a cat', 'a dog'];

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

const generate = (fields: Partial<GenerateRequest> & Pick<GenerateRequest, 'input'>): InferenceRequest => ({
  task: 'generate',
  model: 'golek-tiny',
  sampling: { temperature: 0 },
  ...fields,
});
const chat = (text: string) => ({
  type: 'chat' as const,
  messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }],
});
const textOf = async (request: InferenceRequest): Promise<string> => {
  const text = (await servers.direct(request)).choices[0]?.text ?? '';
  expect(text.length).toBeGreaterThan(10);
  return text;
};

/** What golek-tiny itself says, without protocols and remote providers. */
const direct = {
  chat: once(() => textOf(generate({ input: chat(PROMPTS.chat), maxTokens: MAX_TOKENS }))),
  text: once(() => textOf(generate({ input: { type: 'text', prompt: PROMPTS.text }, maxTokens: MAX_TOKENS }))),
};
const vectorsOf = (model: string) =>
  once(async () => {
    const { embeddings } = await servers.direct({ task: 'embed', model, inputs: INPUTS });
    expect(embeddings.map(({ length }) => length > 100)).toEqual([true, true]);
    return embeddings;
  });
const vectors = { 'golek-tiny': vectorsOf('golek-tiny'), 'golek-embed': vectorsOf('golek-embed') };
const expectedVectors = ({ same, embedder }: Column): Promise<Float32Array[]> | Float32Array[] =>
  same === 'the prompt' ? INPUTS.map(geminiVector) : vectors[embedder === undefined ? 'golek-tiny' : 'golek-embed']();

const expectedText = ({ same }: Column, subject: 'chat' | 'text'): Promise<string> | string =>
  same === 'golek-tiny' ? direct[subject]() : same === 'word-chain' ? WORD_CHAIN : PROMPTS[subject];

/** Every way to ask for it: plain and streamed, but for vectors. */
const asks = (protocol: Protocol, column: Column, subject: Subject): (() => Promise<unknown>)[] => {
  const { front } = servers;
  const model = subject === 'embeddings' ? (column.embedder ?? column.name) : column.name;
  if (subject === 'embeddings') {
    const ask = protocol.embeddings;
    return typeof ask === 'string' ? [] : [() => ask(front, model, INPUTS)];
  }
  const ask = protocol[subject];
  return typeof ask === 'string'
    ? []
    : [false, true].map((stream) => () => ask(front, model, PROMPTS[subject], stream));
};

const checkText = async (protocol: Protocol, column: Column, subject: 'chat' | 'text'): Promise<void> => {
  const [plain, streamed] = asks(protocol, column, subject) as (() => Promise<string[]>)[];
  const expected = await expectedText(column, subject);
  expect(await plain?.()).toEqual([expected]);
  const pieces = await streamed?.();
  expect(pieces?.join('')).toBe(expected);
  expect(pieces?.length).toBeGreaterThan(2);
};

const checkVectors = async (protocol: Protocol, column: Column): Promise<void> => {
  const expected = await expectedVectors(column);
  const [ask] = asks(protocol, column, 'embeddings') as (() => Promise<number[][]>)[];
  expect((await ask?.())?.map((vector) => Float32Array.from(vector))).toEqual(expected);
};

const checkTools = async (protocol: Protocol, column: Column): Promise<void> => {
  for (const ask of asks(protocol, column, 'tools'))
    expect(await ask()).toEqual([{ name: WEATHER.name, arguments: { city: 'Bonn' } }]);
};

/** Of a refusal: INVALID_ARGUMENT and UNIMPLEMENTED; a stream over gRPC and a socket go on, and have none. */
const STATUSES: Readonly<Record<string, readonly number[]>> = { 'KServe gRPC': [0, 3, 12], WebSocket: [0] };

const checkRefusal = async (protocol: Protocol, column: Column, subject: Subject): Promise<void> => {
  for (const ask of asks(protocol, column, subject)) {
    const refusal = await ask().then(
      (answer) => expect.fail(`no refusal but ${JSON.stringify(answer)}`),
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refused);
    const { status, message } = refusal as Refused;
    expect(STATUSES[protocol.name] ?? [400]).toContain(status);
    expect(message).toMatch(/does not support/);
    expect(message).toContain(`'${column.name}'`);
  }
};

describe.each(PROTOCOLS.map((protocol) => [protocol.name, protocol] as const))('%s', (_, protocol) => {
  describe.each(COLUMNS.map((column) => [column.name, column] as const))('to %s', (_name, column) => {
    const cells = (['chat', 'text', 'embeddings', 'tools'] as const)
      .map((subject) => [subject, cellOf(protocol, column, subject)] as const)
      .filter(([, { kind }]) => kind !== 'absent');
    test.each(cells.map(([subject, cell]) => [subject, cell.kind, cell] as const))('%s: %s', async (subject, kind) => {
      if (kind === 'refused') return checkRefusal(protocol, column, subject);
      if (subject === 'embeddings') return checkVectors(protocol, column);
      if (subject === 'tools') return checkTools(protocol, column);
      return checkText(protocol, column, subject);
    });
  });
});
