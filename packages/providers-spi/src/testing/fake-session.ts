import { setTimeout as sleep } from 'node:timers/promises';
import { abortError, throwIfAborted } from '../abort-error.ts';
import {
  GolekError,
  REQUEST_OPTIONS,
  refuseUnsupported,
  type Health,
  type InferenceEvent,
  type InferenceRequest,
  type ModelManifest,
  type ModelSession,
  type RunContext,
  type SessionCapabilities,
  type Task,
} from '../index.ts';
import { answerEvents } from './fake-answer.ts';
import { fakeEmbedding } from './fake-embedding.ts';
import { fakeLabels } from './fake-labels.ts';
import { fakeScores } from './fake-scores.ts';
import { fakeTensors } from './fake-tensors.ts';
import type { FakeModel } from './fake-model.ts';
import { countTokens, detokenize, promptText, tokenize } from './fake-tokens.ts';
import { RunSlots } from '../run-slots.ts';

export const FAKE_TASKS: readonly Task[] = ['generate', 'embed', 'tokenize', 'detokenize', 'count'];
const CONTEXT_LENGTH = 4_096;
const EMBEDDING_LENGTH = 16;

/** What the sessions of one provider have done; changed in place. */
export interface FakeCounters {
  inspections: number;
  opens: number;
  disposals: number;
  runs: number;
  active: number;
  pulled: number;
}

/** What a fake model is; its script has no date, so `created` is the epoch. */
export const fakeManifest = (provider: string, name: string, location: string, model: FakeModel): ModelManifest => ({
  name,
  provider,
  source: location,
  tasks: [...(model.tasks ?? FAKE_TASKS)],
  format: 'fake',
  contextLength: model.contextLength ?? CONTEXT_LENGTH,
  embeddingLength: model.embeddingLength ?? EMBEDDING_LENGTH,
  chatTemplate: (model.options ?? REQUEST_OPTIONS).includes('input.chat'),
  created: 0,
});

const eventsOf = (model: FakeModel, request: InferenceRequest, contextLength: number): InferenceEvent[] => {
  switch (request.task) {
    case 'generate':
      return answerEvents(model, request, contextLength);
    case 'embed': {
      const { embeddingLength = EMBEDDING_LENGTH } = model;
      const { dimensions: length = embeddingLength } = request;
      if (length > embeddingLength) {
        throw new GolekError('invalid_request', `dimensions ${length} is more than the model has: ${embeddingLength}`);
      }
      const events = request.inputs.map((input, index): InferenceEvent => ({
        type: 'embedding',
        index,
        vector: fakeEmbedding(input, length),
      }));
      const promptTokens = request.inputs.reduce((sum, input) => sum + countTokens(input), 0);
      return [...events, { type: 'usage', usage: { promptTokens, completionTokens: 0 } }];
    }
    case 'rerank':
      return fakeScores(request);
    case 'classify':
      return fakeLabels(request);
    case 'tensor':
      return fakeTensors(request);
    case 'tokenize':
      return [{ type: 'tokens', tokens: tokenize(request.text) }];
    case 'detokenize':
      return [{ type: 'text', choice: 0, text: detokenize(request.tokens) }];
    case 'count':
      return [{ type: 'count', tokens: countTokens(promptText(request)) }];
  }
};

/** Where something happens in a run with this prompt. */
const positionIn = (prompt: string, script: { at: number; when?: string } | undefined): number | undefined =>
  script && (script.when === undefined || prompt.includes(script.when)) ? script.at : undefined;

/** A fake model that is open. */
export class FakeSession implements ModelSession {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly #model: FakeModel;
  readonly #counters: FakeCounters;
  readonly #slots: RunSlots;
  readonly #closing = new AbortController();
  #failures = 0;

  readonly #onClose: () => void;

  constructor(manifest: ModelManifest, model: FakeModel, counters: FakeCounters, onClose: () => void) {
    const { parallel = 1_024, options = REQUEST_OPTIONS, tasks = FAKE_TASKS, memoryBytes } = model;
    const memory = memoryBytes === undefined ? {} : { memoryBytes };
    this.manifest = manifest;
    this.capabilities = { tasks, options, parallel, contextLength: model.contextLength ?? CONTEXT_LENGTH, ...memory };
    this.#model = model;
    this.#counters = counters;
    this.#onClose = onClose;
    this.#slots = new RunSlots(parallel);
  }

  async *run(request: InferenceRequest, { signal }: RunContext): AsyncGenerator<InferenceEvent, void, undefined> {
    this.#check(signal);
    refuseUnsupported(request, this.manifest.name, this.capabilities);
    const { delayMs = 0, fail, hang } = this.#model;
    const limit = this.capabilities.contextLength ?? CONTEXT_LENGTH;
    const prompt = request.task === 'generate' ? promptText(request) : '';
    if (countTokens(prompt) >= limit) {
      throw new GolekError('context_length_exceeded', `the prompt has ${countTokens(prompt)} tokens of ${limit}`);
    }
    const failAt = positionIn(prompt, fail);
    const hangAt = positionIn(prompt, hang);

    this.#counters.runs++;
    this.#counters.active++;
    let working = false;
    try {
      working = this.#slots.tryTake();
      if (!working) {
        await this.#slots.take(AbortSignal.any([signal, this.#closing.signal]));
        working = true;
      }
      let position = 0;
      for (const event of eventsOf(this.#model, request, limit)) {
        if (position === hangAt) await this.#wait(signal);
        if (delayMs > 0) await this.#wait(signal, delayMs);
        this.#check(signal);
        if (fail && position === failAt && this.#failures < (fail.times ?? Infinity)) throw this.#failure(fail);
        position++;
        this.#counters.pulled++;
        yield event;
      }
    } finally {
      this.#counters.active--;
      if (working) this.#slots.give();
    }
  }

  health(): Health {
    return this.#closing.signal.aborted ? { status: 'down', reason: 'the model is closed' } : { status: 'ok' };
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#counters.disposals++;
      this.#onClose();
      this.#closing.abort(new GolekError('shutting_down', `model '${this.manifest.name}' is being closed`));
    }
    return Promise.resolve();
  }

  #failure({ code, message, retryAfter }: NonNullable<FakeModel['fail']>): GolekError {
    this.#failures++;
    return new GolekError(code, message, retryAfter === undefined ? {} : { retryAfter });
  }

  #check(signal: AbortSignal): void {
    throwIfAborted(this.#closing.signal);
    throwIfAborted(signal);
  }

  /** Waits for the time given, without one for ever. Throws when the run or the session ends first. */
  async #wait(signal: AbortSignal, ms?: number): Promise<void> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    if (ms !== undefined) {
      await sleep(ms, undefined, { signal: ended }).catch(() => undefined);
      return;
    }
    await new Promise<never>((_, reject) => {
      if (ended.aborted) reject(abortError(ended));
      ended.addEventListener('abort', () => reject(abortError(ended)), { once: true });
    });
  }
}
