import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../abort-error.ts';
import {
  GolekError,
  type Health,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type OpenOptions,
  type Provider,
  type ProviderCapabilities,
} from '../index.ts';
import type { FakeModel } from './fake-model.ts';
import { FAKE_TASKS, FakeSession, fakeManifest, type FakeCounters } from './fake-session.ts';

export interface FakeProviderOptions {
  /** Default `fake`. */
  readonly id?: string;
  /** Models by location; default: one at `fake`. Any other location is `model_not_found`. */
  readonly models?: Readonly<Record<string, FakeModel>>;
  readonly capabilities?: ProviderCapabilities;
  /** Memory that its open models share; default: no end of it. */
  readonly machineBytes?: number;
}

/** What a fake provider has done so far; live numbers. */
export interface FakeStats extends Readonly<FakeCounters> {
  /** Models that are open now. */
  readonly openSessions: number;
}

/** A real provider whose models answer from a script: for tests of whatever stands above the SPI, and for benchmarks. */
export class FakeProvider implements Provider {
  readonly id: string;
  readonly capabilities: ProviderCapabilities;
  readonly #models: Readonly<Record<string, FakeModel>>;
  readonly #counters: FakeCounters = { inspections: 0, opens: 0, disposals: 0, runs: 0, active: 0, pulled: 0 };
  readonly #sessions = new Set<FakeSession>();
  readonly #machineBytes: number;
  #closed = false;

  constructor({ id = 'fake', models = { fake: {} }, capabilities, machineBytes = Infinity }: FakeProviderOptions = {}) {
    this.#machineBytes = machineBytes;
    this.id = id;
    this.#models = models;
    this.capabilities = capabilities ?? { tasks: FAKE_TASKS, formats: ['fake'] };
  }

  get stats(): FakeStats {
    return { ...this.#counters, openSessions: this.#sessions.size };
  }

  inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    return new Promise((resolve) => {
      throwIfAborted(signal);
      const model = this.#find(source);
      this.#counters.inspections++;
      resolve(fakeManifest(this.id, source.name, source.location, model));
    });
  }

  async open(
    source: ModelSource,
    { signal, onProgress, memoryLimitBytes = Infinity }: OpenOptions,
  ): Promise<ModelSession> {
    throwIfAborted(signal);
    const model = this.#find(source);
    const { steps = 1, stepMs = 0, error } = model.load ?? {};
    for (let step = 1; step <= steps; step++) {
      if (stepMs > 0) await sleep(stepMs, undefined, { signal }).catch(() => undefined);
      throwIfAborted(signal);
      onProgress?.(step / steps);
    }
    throwIfAborted(signal);
    if (error) throw new GolekError(error.code, error.message);
    this.#requireMemory(source.name, model, memoryLimitBytes);
    this.#refuseWhenClosed();
    const manifest = fakeManifest(this.id, source.name, source.location, model);
    const session = new FakeSession(manifest, model, this.#counters, () => this.#sessions.delete(session));
    this.#counters.opens++;
    this.#sessions.add(session);
    return session;
  }

  health(): Promise<Health> {
    return Promise.resolve(this.#closed ? { status: 'down', reason: 'the provider is closed' } : { status: 'ok' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const session of this.#sessions) await session[Symbol.asyncDispose]();
  }

  #requireMemory(name: string, { memoryBytes: requiredBytes = 0 }: FakeModel, limit: number): void {
    const taken = [...this.#sessions].reduce((sum, { capabilities }) => sum + (capabilities.memoryBytes ?? 0), 0);
    const availableBytes = Math.min(limit, this.#machineBytes - taken);
    if (requiredBytes <= availableBytes) return;
    throw new GolekError('insufficient_memory', `'${name}' needs ${requiredBytes} bytes of ${availableBytes}`, {
      details: { model: name, requiredBytes, availableBytes },
    });
  }

  #find({ location }: ModelSource): FakeModel {
    this.#refuseWhenClosed();
    const model = Object.hasOwn(this.#models, location) ? this.#models[location] : undefined;
    if (!model) {
      throw new GolekError('model_not_found', `no fake model at '${location}'`, {
        details: { known: Object.keys(this.#models) },
      });
    }
    return model;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new GolekError('shutting_down', `provider '${this.id}' is closed`);
  }
}

/**
 * Makes a fake provider.
 *
 * @example const provider = fakeProvider({ models: { hello: { answer: ['Hello', ' world'] } } });
 */
export const fakeProvider = (options?: FakeProviderOptions): FakeProvider => new FakeProvider(options);
