import {
  GolekError,
  type GenerateRequest,
  type InferenceRequest,
  type Message,
  type ModelManifest,
  type ModelRoute,
  type ModelRouteInput,
  type Task,
} from '@golek/api';
import {
  createCall,
  type Engine,
  type ModelRegistry,
  type ModelStatus,
  type SessionPool,
  type UsageTotals,
} from '@golek/kernel';
import { ENGINE, MODELS, SESSIONS, USAGE, type System } from '@golek/system';
import { Answer } from './answer.ts';
import { parseRequest, parseRoute } from './parse-request.ts';

type OptionalModel<R> = R extends unknown ? Omit<R, 'model'> & { readonly model?: string } : never;

/** A canonical request; `model` may be left out when the runtime has one model or the shipped ones. */
export type PortableRequest = OptionalModel<InferenceRequest>;

/** What a chat may set beside its messages. */
export type ChatOptions = Omit<OptionalModel<GenerateRequest>, 'task' | 'input'> &
  Omit<Extract<GenerateRequest['input'], { type: 'chat' }>, 'type' | 'messages'> &
  RunOptions;

export interface RunOptions {
  /** Ends the work. */
  readonly signal?: AbortSignal;
}

/** The Golek kernel in a program: models in, events out. Made by `createPortableRuntime`. */
export class PortableRuntime implements AsyncDisposable {
  readonly #system: System;
  readonly #engine: Engine;
  readonly #models: ModelRegistry;
  readonly #sessions: SessionPool;
  readonly #modelFor: ((task: Task) => string) | undefined;

  /** `modelFor`: which model does a task for a request that names none; default: the only one. */
  constructor(system: System, modelFor?: (task: Task) => string) {
    this.#system = system;
    this.#engine = system.get(ENGINE);
    this.#models = system.get(MODELS);
    this.#sessions = system.get(SESSIONS);
    this.#modelFor = modelFor;
  }

  /** The registered models. */
  get models(): readonly ModelManifest[] {
    return this.#models.list().map(({ manifest }) => manifest);
  }

  /** The routes: names that stand for models. */
  get routes(): readonly ModelRoute[] {
    return this.#models.routes.list().map(({ route }) => route);
  }

  /** Sets or replaces a route from the next request on. Throws `invalid_request`, and `conflict` for the name of a model. */
  setRoute(route: ModelRouteInput): void {
    this.#models.routes.set(parseRoute(route));
  }

  /** Throws `model_not_found` when there is no such route. */
  removeRoute(name: string): void {
    this.#models.routes.remove(name);
  }

  /** Whether a model is loaded, and how far. */
  status(model: string): ModelStatus {
    return this.#sessions.status(model);
  }

  /** Tokens and outcomes so far, by model. */
  get usage(): Readonly<Record<string, UsageTotals>> {
    return this.#system.get(USAGE).totals();
  }

  /** Runs any canonical request. Throws `invalid_request` or `unknown_parameter` at once for one that does not fit the schema. */
  run(request: PortableRequest, { signal = new AbortController().signal }: RunOptions = {}): Answer {
    const parsed = parseRequest({ model: request.model ?? this.#unnamedModel(request.task), ...request });
    const isText = parsed.task === 'generate';
    return new Answer((whole) => this.#engine.run(createCall({ request: parsed, signal, whole: whole && isText })));
  }

  /**
   * Answers a message or a conversation.
   *
   * @example for await (const event of golek.chat('Hello!')) if (event.type === 'text') process.stdout.write(event.text);
   */
  chat(messages: string | readonly Message[], options: ChatOptions = {}): Answer {
    const { signal, tools, toolChoice, parallelToolCalls, ...request } = options;
    const turns: readonly Message[] =
      typeof messages === 'string' ? [{ role: 'user', content: [{ type: 'text', text: messages }] }] : messages;
    const input = {
      type: 'chat' as const,
      messages: [...turns],
      ...(tools && { tools }),
      ...(toolChoice && { toolChoice }),
      ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    };
    return this.run({ task: 'generate', input, ...request }, signal ? { signal } : {});
  }

  /** One vector for each input, in order. */
  async embed(
    inputs: readonly string[],
    { model, signal }: RunOptions & { readonly model?: string } = {},
  ): Promise<Float32Array[]> {
    const request = { task: 'embed' as const, inputs: [...inputs], ...(model !== undefined && { model }) };
    return (await this.run(request, signal ? { signal } : {}).result()).embeddings;
  }

  /** Loads a model ahead of its first request. Throws `model_not_found`, and what a load throws. */
  async load(model: string, { signal = new AbortController().signal }: RunOptions = {}): Promise<void> {
    const entry = this.#models.resolve(model);
    if (!entry) throw new GolekError('model_not_found', `no model is named '${model}'`);
    await this.#sessions.load(entry, signal);
  }

  /** Frees a model's memory once no run uses it; the next request loads it again. */
  unload(model: string, { signal = new AbortController().signal }: RunOptions = {}): Promise<void> {
    return this.#sessions.unload(model, signal);
  }

  /** Takes no new requests, waits up to `graceMs` milliseconds for those in progress, ends the rest and frees everything. */
  async close({ graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<void> {
    await this.#engine.drain(graceMs);
    await this.#system.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #unnamedModel(task: Task): string {
    if (this.#modelFor) return this.#modelFor(task);
    const [first, ...others] = this.models;
    if (first && others.length === 0) return first.name;
    const names = this.models.map(({ name }) => name).join(', ');
    throw new GolekError('invalid_request', `'model' is missing: the runtime has several models (${names})`);
  }
}
