import { GolekError, type InferenceEvent } from '@golek/api';
import type {
  Handler,
  InferenceCall,
  InterceptorContribution,
  RequestResult,
  StreamTransform,
  Transform,
} from '@golek/plugins-api';

type Step = IteratorResult<InferenceEvent, undefined>;

const DONE: Step = { done: true, value: undefined };

/** A transform's own failure, named; a GolekError is an answer to the request and stays what it is. */
const failureOf = (plugin: string, transform: string, thrown: unknown): unknown =>
  thrown instanceof GolekError
    ? thrown
    : new GolekError('plugin_failed', `transform '${transform}' of plugin '${plugin}' failed: ${String(thrown)}`, {
        cause: thrown,
      });

/** An answer that a transform gives in place of a model; `start` is added where it is left out. */
export const answerOf = (
  answer: readonly InferenceEvent[],
  model: string,
  plugin: string,
): readonly InferenceEvent[] =>
  answer[0]?.type === 'start' ? answer : [{ type: 'start', model, provider: plugin }, ...answer];

export const listed = (events: readonly InferenceEvent[]): AsyncIterator<InferenceEvent> => {
  const iterator = events[Symbol.iterator]();
  return {
    next: () => Promise.resolve(iterator.next() as Step),
    return: () => Promise.resolve(DONE),
  };
};

/** Changes the request, then gets out of the way: the events come straight from the next phase. */
export class RequestRun implements AsyncIterator<InferenceEvent> {
  readonly #begin: () => Promise<AsyncIterator<InferenceEvent>>;
  #source: AsyncIterator<InferenceEvent> | undefined;
  #ended = false;

  constructor(begin: () => Promise<AsyncIterator<InferenceEvent>>) {
    this.#begin = begin;
  }

  next(): Promise<IteratorResult<InferenceEvent>> {
    if (this.#source) return this.#source.next();
    return this.#ended ? Promise.resolve(DONE) : this.#first();
  }

  async return(): Promise<IteratorResult<InferenceEvent>> {
    this.#ended = true;
    await this.#source?.return?.();
    return DONE;
  }

  async #first(): Promise<IteratorResult<InferenceEvent>> {
    const source = await this.#begin();
    // Left while the transform worked: nothing is begun.
    if (this.#ended) return DONE;
    this.#source = source;
    return source.next();
  }
}

/** Passes events through a transform one by one: the source is asked for the next event when the last one is given out. */
class StreamRun implements AsyncIterator<InferenceEvent> {
  readonly #source: AsyncIterator<InferenceEvent>;
  readonly #transform: StreamTransform;
  readonly #fail: (thrown: unknown) => unknown;
  #ready: readonly InferenceEvent[] = [];
  #given = 0;
  #ended = false;

  constructor(source: AsyncIterator<InferenceEvent>, transform: StreamTransform, fail: (thrown: unknown) => unknown) {
    this.#source = source;
    this.#transform = transform;
    this.#fail = fail;
  }

  async next(): Promise<IteratorResult<InferenceEvent>> {
    for (;;) {
      const value = this.#ready[this.#given];
      if (value) {
        this.#given += 1;
        return { done: false, value };
      }
      if (this.#ended) return DONE;
      const step = await this.#source.next();
      this.#given = 0;
      this.#ended ||= step.done === true;
      this.#ready = await this.#transformed(step);
    }
  }

  async return(): Promise<IteratorResult<InferenceEvent>> {
    this.#ready = [];
    const left = !this.#ended;
    this.#ended = true;
    if (left) await this.#source.return?.();
    return DONE;
  }

  async #transformed(step: IteratorResult<InferenceEvent>): Promise<readonly InferenceEvent[]> {
    try {
      if (step.done) return (await this.#transform.end?.()) ?? [];
      return await this.#transform.event(step.value);
    } catch (thrown) {
      await this.return();
      throw this.#fail(thrown);
    }
  }
}

const requestPhase = (plugin: string, transform: Transform, name: string): InterceptorContribution => {
  const apply = (call: InferenceCall): RequestResult | Promise<RequestResult> | undefined =>
    transform.request?.(call.request, call, call.signal);
  const begin = async (next: Handler, call: InferenceCall): Promise<AsyncIterator<InferenceEvent>> => {
    let result: RequestResult | undefined;
    try {
      result = await apply(call);
    } catch (thrown) {
      throw failureOf(plugin, transform.name, thrown);
    }
    if (result && 'answer' in result) return listed(answerOf(result.answer, call.request.model, plugin));
    const changed =
      !result || result.request === call.request ? call : Object.freeze({ ...call, request: result.request });
    return next(changed)[Symbol.asyncIterator]();
  };
  return {
    phase: 'PRE_PROCESSING',
    name,
    order: transform.order ?? 0,
    intercept: (next) => (call) => ({ [Symbol.asyncIterator]: () => new RequestRun(() => begin(next, call)) }),
  };
};

const streamPhase = (plugin: string, transform: Transform, name: string): InterceptorContribution => {
  const fail = (thrown: unknown): unknown => failureOf(plugin, transform.name, thrown);
  const open = (next: Handler, call: InferenceCall): AsyncIterator<InferenceEvent> => {
    let stream: StreamTransform | undefined;
    try {
      stream = transform.stream?.(call.request, call);
    } catch (thrown) {
      throw fail(thrown);
    }
    const source = next(call)[Symbol.asyncIterator]();
    return stream ? new StreamRun(source, stream, fail) : source;
  };
  return {
    phase: 'POST_PROCESSING',
    name,
    // In this phase lower numbers see events first; a transform of a low number sees them last, since it saw the request first.
    order: -(transform.order ?? 0),
    intercept: (next) => (call) => ({ [Symbol.asyncIterator]: () => open(next, call) }),
  };
};

/** The phases that a transform of a plugin is made of. */
export const transformPhases = (plugin: string, transform: Transform): readonly InterceptorContribution[] => [
  ...(transform.request ? [requestPhase(plugin, transform, `${transform.name}.request`)] : []),
  ...(transform.stream ? [streamPhase(plugin, transform, `${transform.name}.stream`)] : []),
];
