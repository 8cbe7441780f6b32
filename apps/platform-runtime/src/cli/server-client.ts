import { GolekError, isErrorCode } from '@golek/api';
import { z } from 'zod';
import { UsageError } from './exit-code.ts';

const Failure = z.object({ error: z.object({ code: z.string().nullish(), message: z.string() }) });
const Models = z.object({
  data: z.array(z.object({ id: z.string(), golek: z.object({ tasks: z.array(z.string()) }).optional() })),
});

export const SERVER_OPTIONS = {
  url: ['--url <address>', 'ask a running Golek server in place of a model in this process'],
  tokenEnv: ['--token-env <name>', 'environment variable with the token for that server'],
} as const;

export interface ServerAddress {
  /** E.g. `http://127.0.0.1:11500`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token: string | undefined;
}

/** Reads `--url` and `--token-env`; undefined without a URL. Throws UsageError. */
export const serverAddress = ({
  url,
  tokenEnv,
}: {
  readonly url?: string;
  readonly tokenEnv?: string;
}): ServerAddress | undefined => {
  if (url === undefined) {
    if (tokenEnv !== undefined)
      throw new UsageError('--token-env goes with --url: nothing in this process needs a token');
    return undefined;
  }
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new UsageError(`--url takes an address such as http://127.0.0.1:11500, got '${url}'`);
  const token = tokenEnv === undefined ? undefined : process.env[tokenEnv];
  if (tokenEnv !== undefined && token === undefined)
    throw new UsageError(`--token-env: there is no environment variable '${tokenEnv}'`);
  return { url, token };
};

/** The value of JSON text; undefined for what is none. */
export const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The failure that a server's error body tells of; undefined for any other text. */
export const toldFailure = (text: string): GolekError | undefined => {
  const { data } = Failure.safeParse(parsedJson(text));
  if (!data) return undefined;
  const { code, message } = data.error;
  return new GolekError(isErrorCode(code) ? code : 'provider_failed', message);
};

/** A running Golek server. */
export class ServerClient {
  /** Without a slash at its end. */
  readonly base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, token }: ServerAddress) {
    this.base = url.replace(/\/+$/, '');
    this.#headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  /** Asks for JSON, with a body by POST. Throws the server's own error, and `provider_failed` when none answers. */
  async ask(path: string, signal: AbortSignal, body?: object): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.base}${path}`, {
        headers: this.#headers,
        signal,
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new GolekError('provider_failed', `no Golek server answers at ${this.base}; start one with: golek serve`, {
        cause,
      });
    }
    if (!response.ok) throw this.failure(await response.text(), path);
    return response;
  }

  /** The same, for an answer of a known form. */
  async read<S extends z.ZodType>(schema: S, path: string, signal: AbortSignal, body?: object): Promise<z.output<S>> {
    const text = await (await this.ask(path, signal, body)).text();
    const { data, success } = schema.safeParse(parsedJson(text));
    if (!success) throw this.failure(text, path);
    return data;
  }

  /** What a text that is no answer tells. */
  failure(text: string, path = ''): GolekError {
    return (
      toldFailure(text) ?? new GolekError('provider_failed', `${this.base}${path} answered: ${text.slice(0, 400)}`)
    );
  }

  /** Names of its models, with what they can do where it says so. */
  async models(signal: AbortSignal): Promise<readonly { readonly name: string; readonly tasks: readonly string[] }[]> {
    const { data } = await this.read(Models, '/v1/models', signal);
    return data.map(({ id, golek }) => ({ name: id, tasks: golek?.tasks ?? [] }));
  }
}
