import { GolekError, isErrorCode } from '@golek/api';
import { z } from 'zod';
import type { BenchTarget } from './bench-target.ts';

const Tokens = z.object({ tokens: z.array(z.number()) });
const Models = z.object({ data: z.array(z.object({ id: z.string() })) });
const Failure = z.object({ error: z.object({ code: z.string().nullish(), message: z.string() }) });
const Chunk = z.object({
  choices: z.array(z.object({ text: z.string() })).default([]),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

export interface ServerTargetOptions {
  /** Of the server, e.g. `http://127.0.0.1:11500`. */
  readonly url: string;
  /** Default: the server's only model. */
  readonly model: string | undefined;
  /** Sent as `Authorization: Bearer …`. */
  readonly token: string | undefined;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What a server's error body says. */
const failureOf = (where: string, text: string): GolekError => {
  const { data } = Failure.safeParse(parsed(text));
  if (!data) return new GolekError('provider_failed', `${where} answered: ${text.slice(0, 400)}`);
  const { code, message } = data.error;
  return new GolekError(isErrorCode(code) ? code : 'provider_failed', message);
};

/** A model of a running Golek server, over HTTP. */
export const openServerTarget = async (options: ServerTargetOptions, signal: AbortSignal): Promise<BenchTarget> => {
  const base = options.url.replace(/\/+$/, '');
  const headers = {
    'content-type': 'application/json',
    ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
  };
  const ask = async (path: string, ends: AbortSignal, body?: object): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${base}${path}`, {
        headers,
        signal: ends,
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
    } catch (cause) {
      ends.throwIfAborted();
      throw new GolekError('provider_failed', `no Golek server answers at ${base}; start one with: golek serve`, {
        cause,
      });
    }
    if (!response.ok) throw failureOf(`${base}${path}`, await response.text());
    return response;
  };
  const read = async <T>(schema: z.ZodType<T>, path: string, ends: AbortSignal, body?: object): Promise<T> => {
    const text = await (await ask(path, ends, body)).text();
    const { data, success } = schema.safeParse(parsed(text));
    if (!success) throw failureOf(`${base}${path}`, text);
    return data;
  };
  const model = options.model ?? (await onlyModel(base, () => read(Models, '/v1/models', signal)));
  return {
    model,
    where: `at ${base}`,
    tokenize: async (content, ends) =>
      (await read(Tokens, '/tokenize', ends, { model, content, parse_special: false })).tokens,
    answer: async (prompt, tokens, onText, ends) => {
      const response = await ask('/v1/completions', ends, {
        model,
        prompt,
        max_tokens: tokens,
        temperature: 0,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
      });
      let usage: z.infer<typeof Chunk>['usage'];
      for await (const data of serverSentData(response)) {
        const chunk = Chunk.safeParse(parsed(data)).data;
        if (!chunk || parsedError(data)) throw failureOf(base, data);
        if ((chunk.choices[0]?.text ?? '') !== '') onText();
        usage = chunk.usage ?? usage;
      }
      if (!usage) throw new GolekError('provider_failed', `${base} ended an answer without its usage`);
      return { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

const parsedError = (data: string): boolean => Failure.safeParse(parsed(data)).success;

const onlyModel = async (base: string, list: () => Promise<z.infer<typeof Models>>): Promise<string> => {
  const names = (await list()).data.map(({ id }) => id);
  const [only, second] = names;
  if (only !== undefined && second === undefined) return only;
  throw new GolekError(
    'model_not_found',
    `the server at ${base} has ${names.length} models: name one of ${names.join(', ') || 'none'}`,
  );
};

/** The data of each event but the last, `[DONE]`. */
async function* serverSentData({ body }: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const text of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ') && line !== 'data: [DONE]') yield line.slice(6);
  }
}
