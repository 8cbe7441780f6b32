/**
 * A provider as somebody outside the repository would write it: it says back what it was told, word by word. The packed-packages test copies
 * this file into a project of its own and runs it there against the packed packages.
 */
import {
  GolekError,
  refuseUnsupported,
  textOf,
  type InferenceEvent,
  type InferenceRequest,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type Provider,
  type RunContext,
  type SessionCapabilities,
} from '@golek/providers-spi';

const CAPABILITIES: SessionCapabilities = {
  tasks: ['generate'],
  options: ['input.chat', 'input.text', 'maxTokens', 'stop'],
  parallel: 1024,
};

const promptOf = (request: InferenceRequest): string => {
  if (request.task !== 'generate') return '';
  if (request.input.type === 'text') return typeof request.input.prompt === 'string' ? request.input.prompt : '';
  return textOf(request.input.messages.at(-1)?.content ?? []);
};

class EchoSession implements ModelSession {
  readonly manifest: ModelManifest;
  readonly capabilities = CAPABILITIES;
  readonly #closing = new AbortController();

  constructor(manifest: ModelManifest) {
    this.manifest = manifest;
  }

  async *run(request: InferenceRequest, { signal }: RunContext): AsyncGenerator<InferenceEvent> {
    refuseUnsupported(request, this.manifest.name, this.capabilities);
    if (request.task !== 'generate') return;
    const stops = request.stop ?? [];
    const words = promptOf(request).match(/\S+\s*/g) ?? [];
    const limit = Math.min(words.length, request.maxTokens ?? Infinity);
    let said = 0;
    let stop: string | undefined;
    for (; said < limit && stop === undefined; said += 1) {
      const word = words[said] ?? '';
      stop = stops.find((candidate) => word.includes(candidate));
      const text = stop === undefined ? word : word.slice(0, word.indexOf(stop));
      // A turn of the event loop, as an engine's step would be.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      if (this.#closing.signal.aborted) throw new GolekError('shutting_down', 'the session is closed');
      if (text !== '') yield { type: 'text', choice: 0, text };
    }
    yield {
      type: 'finish',
      choice: 0,
      reason: stop === undefined && said < words.length ? 'length' : 'stop',
      ...(stop !== undefined && { stop }),
    };
    yield { type: 'usage', usage: { promptTokens: words.length, completionTokens: said } };
  }

  health(): { status: 'ok' | 'down' } {
    return { status: this.#closing.signal.aborted ? 'down' : 'ok' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }
}

class EchoProvider implements Provider {
  readonly id = 'echo';
  readonly capabilities = { tasks: ['generate'], formats: ['echo'] } as const;
  readonly #sessions = new Set<EchoSession>();
  #closed = false;

  async inspect({ name, location }: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (this.#closed) throw new GolekError('shutting_down', 'the provider is closed');
    if (!location.startsWith('echo:')) {
      throw new GolekError('model_not_found', `no echo at '${location}'; locations start with echo:`);
    }
    return { name, provider: this.id, source: location, tasks: ['generate'], created: 0 };
  }

  async open(source: ModelSource, options: { readonly signal: AbortSignal }): Promise<ModelSession> {
    const session = new EchoSession(await this.inspect(source, options));
    this.#sessions.add(session);
    return session;
  }

  async health(): Promise<{ status: 'ok' }> {
    return { status: 'ok' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const session of this.#sessions) await session[Symbol.asyncDispose]();
  }
}

export const echoProvider = (): Provider => new EchoProvider();
