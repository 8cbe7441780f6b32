import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  GolekError,
  type ErrorCode,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type Message,
  type ModelSession,
  type Provider,
  type Tool,
} from '@golek/providers-spi';
import { collect, type InferenceResult } from '@golek/api/plain';
import { golekTiny } from '@golek/model-tiny';
import { createGgufProvider, type GgufProviderOptions } from './index.ts';

/** One entry of golden.json. */
export interface GoldenAnswer {
  readonly system?: string;
  readonly turns?: readonly {
    readonly role: 'user' | 'assistant' | 'tool';
    readonly content: string;
    readonly tool_calls?: readonly { readonly name: string; readonly arguments: object }[];
  }[];
  readonly tools?: readonly { readonly function: Tool }[];
  readonly prompt?: string;
  readonly rendered?: string;
  readonly promptTokens: readonly number[];
  readonly tokens: readonly number[];
  /** Tokens before the first near tie, where the order in which a CPU adds decides. */
  readonly stableTokens: number;
  readonly text: string;
  readonly finish: 'stop' | 'length';
}

export const golden = JSON.parse(readFileSync(path.join(path.dirname(golekTiny.path), 'golden.json'), 'utf8')) as {
  readonly tokenization: Readonly<Record<string, { readonly text: string; readonly tokens: readonly number[] }>>;
  readonly answers: Readonly<Record<string, GoldenAnswer>>;
};

export const tinySource = { name: 'golek-tiny', location: golekTiny.path };

/** Opens golek-tiny with one thread, as golden.json was made. */
export const openTiny = async (
  options: GgufProviderOptions = {},
): Promise<{ provider: Provider; session: ModelSession }> => {
  const provider = createGgufProvider({ threads: 1, gpu: false, ...options });
  const session = await provider.open(tinySource, { signal: new AbortController().signal });
  return { provider, session };
};

const never = new AbortController().signal;

export const run = (
  session: ModelSession,
  request: InferenceRequest,
  signal: AbortSignal = never,
): AsyncIterable<InferenceEvent> => session.run(request, { id: 'test', signal });

export const answer = (
  session: ModelSession,
  request: InferenceRequest,
  signal: AbortSignal = never,
): Promise<InferenceResult> => collect(run(session, request, signal));

export const eventsOf = async (session: ModelSession, request: InferenceRequest): Promise<InferenceEvent[]> => {
  const events: InferenceEvent[] = [];
  for await (const event of run(session, request)) events.push(event);
  return events;
};

export const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });

type Rest = Omit<Partial<GenerateRequest>, 'task' | 'model' | 'input'>;

/** A greedy chat request. */
export const chat = (text: string, rest: Rest = {}): GenerateRequest => ({
  task: 'generate',
  model: 'golek-tiny',
  input: { type: 'chat', messages: [user(text)] },
  sampling: { temperature: 0 },
  ...rest,
});

/** A greedy request that continues text or tokens. */
export const complete = (prompt: string | number[], rest: Rest = {}): GenerateRequest => ({
  task: 'generate',
  model: 'golek-tiny',
  input: { type: 'text', prompt },
  sampling: { temperature: 0 },
  ...rest,
});

export const goldenRequest = (entry: GoldenAnswer, rest: Rest = {}): GenerateRequest => {
  if (entry.prompt !== undefined) return complete(entry.prompt, rest);
  const content = (text: string): Message['content'] => [{ type: 'text', text }];
  const messages: Message[] = entry.system === undefined ? [] : [{ role: 'system', content: content(entry.system) }];
  for (const turn of entry.turns ?? []) {
    if (turn.role === 'tool') messages.push({ role: 'tool', content: content(turn.content), toolCallId: 'call_0' });
    else if (turn.role === 'user') messages.push({ role: 'user', content: content(turn.content) });
    else {
      const toolCalls = turn.tool_calls?.map((call, i) => ({
        id: `call_${i}`,
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      }));
      messages.push({ role: 'assistant', content: content(turn.content), ...(toolCalls && { toolCalls }) });
    }
  }
  const tools = entry.tools?.map((tool) => tool.function);
  return {
    task: 'generate',
    model: 'golek-tiny',
    input: { type: 'chat', messages, ...(tools && { tools }) },
    sampling: { temperature: 0 },
    ...rest,
  };
};

/** The GolekError that work throws; anything else fails the test. */
export const failure = async (work: Promise<unknown> | (() => unknown), code: ErrorCode): Promise<GolekError> => {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof GolekError && error.code === code) return error;
    throw error;
  }
  throw new Error(`nothing was thrown; expected ${code}`);
};
