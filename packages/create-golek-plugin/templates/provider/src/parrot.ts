import {
  GolekError,
  refuseUnsupported,
  type GenerateRequest,
  type InferenceEvent,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type Provider,
} from '@golek/providers-spi';

const TASKS = ['generate'] as const;
const CAPABILITIES = { tasks: TASKS, options: ['input.text', 'input.chat'], parallel: 64 } as const;

const promptOf = ({ input }: GenerateRequest): string => {
  if (input.type === 'chat') {
    const parts = input.messages.at(-1)?.content ?? [];
    return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  }
  return String(input.prompt);
};

const cancelled = (signal: AbortSignal): GolekError => GolekError.from(signal.reason, 'cancelled');

/** Answers a prompt with its own words. Replace `run` by a call of your engine or service. */
export const parrotProvider = (id: string, times: number): Provider => {
  const closing = new AbortController();

  const inspect = async (source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> => {
    const { name, location } = source;
    const ends = AbortSignal.any([signal, closing.signal]);
    if (ends.aborted) throw cancelled(ends);
    if (!location.startsWith('parrot')) {
      throw new GolekError('model_not_found', `'${location}' is no parrot; locations begin with 'parrot'`);
    }
    return { name, provider: id, source: location, tasks: [...TASKS], created: 0 };
  };

  const open = async (source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelSession> => {
    const manifest = await inspect(source, { signal });
    const closed = new AbortController();

    async function* run(
      request: Parameters<ModelSession['run']>[0],
      context: { readonly signal: AbortSignal },
    ): AsyncGenerator<InferenceEvent> {
      refuseUnsupported(request, source.name, CAPABILITIES);
      if (request.task !== 'generate') return;
      const ends = AbortSignal.any([context.signal, closed.signal, closing.signal]);
      if (ends.aborted) throw cancelled(ends);
      const words = promptOf(request).split(/(?<= )/);
      let tokens = 0;
      for (let time = 0; time < times; time++) {
        for (const text of words) {
          // A real model waits for its next token here, and takes the signal along.
          await new Promise((resolve) => setImmediate(resolve));
          if (ends.aborted) throw cancelled(ends);
          tokens += 1;
          yield { type: 'text', choice: 0, text };
        }
      }
      yield { type: 'finish', choice: 0, reason: 'stop' };
      yield { type: 'usage', usage: { promptTokens: words.length, completionTokens: tokens } };
    }

    return {
      manifest,
      capabilities: CAPABILITIES,
      run,
      health: () => ({ status: 'ok' }),
      [Symbol.asyncDispose]: async () =>
        closed.abort(new GolekError('shutting_down', `model '${source.name}' is closed`)),
    };
  };

  return {
    id,
    capabilities: { tasks: TASKS, formats: ['parrot'] },
    inspect,
    open,
    health: async () => ({ status: 'ok' }),
    [Symbol.asyncDispose]: async () => closing.abort(new GolekError('shutting_down', `provider '${id}' is closed`)),
  };
};
