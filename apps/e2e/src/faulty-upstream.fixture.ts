import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FAULTS, startFaultyUpstream, type FaultyUpstream } from '@golek/faulty-upstream';
import { serve, type GolekServer } from './golek-server.fixture.ts';

/** Tries on one target. */
export const ATTEMPTS = 3;
/** Time limits of targets that stall, milliseconds. */
export const LIMIT_MS = 500;

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const API_KEY = 'sk-of-the-faulty-upstream';

/** A whole `golek serve` in front of an upstream that fails as it is told, one that answers, and one that is not there. */
export interface Bench extends AsyncDisposable {
  readonly server: GolekServer;
  readonly faulty: FaultyUpstream;
  readonly good: FaultyUpstream;
}

const faults = Object.keys(FAULTS);

/** Upstreams that are asked for streams in any case … */
const STREAMED = ['faulty', 'claude', 'gemini', 'kserve'];
/** … and those of the same types that plain requests are asked of in one piece. */
const PLAIN = ['plain', 'plain-claude', 'plain-gemini'];

/** JSON is YAML. */
const configurationOf = (faulty: FaultyUpstream, good: FaultyUpstream, gone: FaultyUpstream): string =>
  JSON.stringify({
    log: { level: 'error' },
    upstreams: [
      { id: 'faulty', baseUrl: faulty.url, apiKey: 'env:FAULTY_API_KEY' },
      { id: 'once', baseUrl: faulty.url },
      { id: 'whole', baseUrl: faulty.url, stream: false },
      // As it is by default: a plain request is asked for in one piece.
      { id: 'plain', baseUrl: faulty.url },
      { id: 'patient', baseUrl: faulty.url },
      ...['claude', 'plain-claude'].map((id) => ({
        id,
        type: 'anthropic',
        baseUrl: faulty.url,
        apiKey: 'env:FAULTY_API_KEY',
      })),
      ...['gemini', 'plain-gemini'].map((id) => ({
        id,
        type: 'gemini',
        baseUrl: faulty.url.replace(/\/v1$/, '/v1beta'),
        apiKey: 'env:FAULTY_API_KEY',
      })),
      {
        id: 'kserve',
        type: 'triton',
        protocol: 'http',
        baseUrl: faulty.url.replace(/\/v1$/, ''),
        apiKey: 'env:FAULTY_API_KEY',
      },
      { id: 'good', baseUrl: good.url },
      { id: 'gone', baseUrl: gone.url },
    ],
    models: {
      bundled: false,
      list: [
        ...faults.flatMap((model) =>
          [...STREAMED, 'once', 'whole', 'patient', ...PLAIN].map((provider) => ({
            name: `${provider}-${model}`,
            provider,
            model,
          })),
        ),
        ...faults.map((fault) => ({ name: `tensor-${fault}`, provider: 'kserve', model: `tensor-${fault}` })),
        { name: 'good', provider: 'good', model: 'ok' },
        { name: 'gone', provider: 'gone', model: 'ok' },
        { name: 'embedder', provider: 'faulty', model: 'ok', options: { tasks: ['embed'] } },
        { name: 'broken-embedder', provider: 'faulty', model: 'broken-500', options: { tasks: ['embed'] } },
        { name: 'empty-embedder', provider: 'faulty', model: 'empty-200', options: { tasks: ['embed'] } },
      ],
    },
    routes: [
      ...faults.map((fault) => ({
        name: `safe-${fault}`,
        strategy: 'priority',
        targets: [{ model: `faulty-${fault}` }, { model: 'good', priority: 1 }],
      })),
      { name: 'safe-gone', strategy: 'priority', targets: [{ model: 'gone' }, { model: 'good', priority: 1 }] },
    ],
    reliability: {
      retry: { attempts: ATTEMPTS, minDelayMs: 1, maxDelayMs: 5, budgetPerSecond: 10_000 },
      breaker: { mode: 'off' },
      targets: [
        ...STREAMED.map((provider) => ({ provider, timeouts: { wholeMs: 0 } })),
        { provider: 'once', retry: { attempts: 1 }, timeouts: { wholeMs: 0 } },
        ...faults
          .filter((fault) => fault.startsWith('stall'))
          .flatMap((fault) => [
            ...PLAIN.map((provider) => ({ model: `${provider}-${fault}`, timeouts: { wholeMs: LIMIT_MS } })),
            ...[...STREAMED, 'once', 'whole', 'tensor'].map((provider) => ({
              model: `${provider}-${fault}`,
              timeouts: { firstTokenMs: LIMIT_MS, betweenTokensMs: LIMIT_MS },
            })),
          ]),
      ],
    },
  });

/** A server with this configuration, ended with the stack. */
export const serveWith = async (stack: AsyncDisposableStack, configuration: string): Promise<GolekServer> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-faulty-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'golek.yaml');
  await writeFile(file, configuration);
  return stack.use(await serve({ args: ['--config', file], environment: { FAULTY_API_KEY: API_KEY } }));
};

export const startBench = async (): Promise<Bench> => {
  await using stack = new AsyncDisposableStack();
  const [faulty, good, gone] = [
    stack.use(await startFaultyUpstream({ models: FAULTS })),
    stack.use(await startFaultyUpstream()),
    stack.use(await startFaultyUpstream()),
  ];
  await gone.refuse();
  const server = await serveWith(stack, configurationOf(faulty, good, gone));
  const owned = stack.move();
  return { server, faulty, good, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

/** How Golek answered. */
export interface Outcome {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly route: string | null;
  readonly text: string;
  /** Code of the error, in the body or in the stream. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** A stream that ended with [DONE], or a body with a finish reason. */
  readonly complete: boolean;
}

interface Chunk {
  readonly error?: { readonly code: string; readonly message: string };
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content: string };
    readonly text?: string;
    readonly finish_reason: string | null;
  }[];
}

const partsOf = (body: string, isStream: boolean): readonly Chunk[] =>
  isStream
    ? body
        .split('\n')
        .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
        .map((line) => JSON.parse(line.slice(6)) as Chunk)
    : [JSON.parse(body) as Chunk];

const post = (url: string, route: string, body: object, headers: object = {}): Promise<Response> =>
  fetch(`${url}${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const outcomeOf = async (response: Response): Promise<Outcome> => {
  const body = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const parts = partsOf(body, isStream);
  const error = parts.find((part) => part.error)?.error;
  const choices = parts.flatMap((part) => part.choices ?? []);
  const finished = choices.some(({ finish_reason }) => finish_reason !== null);
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    route: response.headers.get('x-golek-route'),
    text: choices.map(({ delta, message, text }) => delta?.content ?? message?.content ?? text ?? '').join(''),
    code: error?.code,
    message: error?.message,
    complete: finished && (!isStream || body.endsWith('data: [DONE]\n\n')),
  };
};

export const PROMPT = 'one twö three four';

/** Asks for a chat and reads the whole answer. */
export const ask = async (url: string, model: string, stream: boolean, headers: object = {}): Promise<Outcome> =>
  outcomeOf(
    await post(url, '/v1/chat/completions', { model, stream, messages: [{ role: 'user', content: PROMPT }] }, headers),
  );

/** The same for models that take raw text. */
export const askText = async (url: string, model: string, stream: boolean): Promise<Outcome> =>
  outcomeOf(await post(url, '/v1/completions', { model, stream, prompt: PROMPT }));

/** How Golek answered a request with a tensor. */
export interface TensorOutcome extends Pick<Outcome, 'status' | 'retryAfter' | 'code' | 'message'> {
  readonly outputs: unknown;
}

/** Asks a model of tensors. */
export const askTensor = async (url: string, model: string): Promise<TensorOutcome> => {
  const response = await post(url, '/v1/infer', {
    model,
    inputs: [{ name: 'x', type: 'INT8', shape: [3], data: [1, 2, 3] }],
    outputs: ['x'],
  });
  const { outputs, error } = (await response.json()) as Pick<Chunk, 'error'> & { readonly outputs?: unknown };
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    code: error?.code,
    message: error?.message,
    outputs,
  };
};
