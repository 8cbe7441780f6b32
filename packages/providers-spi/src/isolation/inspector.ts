import type { ModelManifest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { ModelSource } from '../provider.ts';
import { RunSlots } from '../run-slots.ts';
import { describeExit, exitDetails } from './engine-exit.ts';
import { EngineProcess, type EngineSpec } from './engine-process.ts';

/** Inspections that may wait; a list of models is longer only by mistake. */
const MAX_WAITING = 1_024;

/**
 * Reads manifests in a child process that ends when it has had nothing to do for a while. One file at a time, so that a crash
 * has one cause.
 */
export class Inspector implements AsyncDisposable {
  readonly #spec: EngineSpec;
  readonly #turn = new RunSlots(1);
  readonly #closing = new AbortController();
  #engine: EngineProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  #inHand = 0;

  constructor(spec: EngineSpec) {
    this.#spec = spec;
  }

  /** Throws what the provider's `inspect` throws, and `model_invalid` when the file crashes the reader or keeps it too long. */
  async inspect(source: ModelSource, caller: AbortSignal): Promise<ModelManifest> {
    if (this.#inHand >= MAX_WAITING)
      throw new GolekError('overloaded', `${MAX_WAITING} model files wait to be inspected`);
    const signal = AbortSignal.any([caller, this.#closing.signal]);
    this.#inHand++;
    try {
      await this.#turn.take(signal);
      try {
        return await this.#read(source, signal);
      } finally {
        this.#turn.give();
      }
    } finally {
      this.#inHand--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', 'the provider is closed'));
    await this.#end();
  }

  async #read(source: ModelSource, signal: AbortSignal): Promise<ModelManifest> {
    const { inspectMs, inspectIdleMs } = this.#spec.limits;
    clearTimeout(this.#idle);
    const engine = await this.#started(signal);
    const late = setTimeout(() => engine.kill(`it was not done with the file after ${inspectMs} ms`), inspectMs);
    try {
      const answer = await engine.ask({ type: 'inspect', source }, signal);
      if (answer.type === 'inspected') return answer.manifest;
      if (answer.type === 'failed') throw GolekError.fromData(answer.error);
      if (answer.type !== 'exit') throw new GolekError('internal', `unexpected answer '${answer.type}' to inspect`);
      const { exit } = answer;
      throw new GolekError('model_invalid', `reading '${source.location}': process ${exit.pid} ${describeExit(exit)}`, {
        details: { location: source.location, ...exitDetails(exit), output: exit.output },
      });
    } finally {
      clearTimeout(late);
      this.#idle = setTimeout(() => void this.#end(), inspectIdleMs).unref();
    }
  }

  async #started(signal: AbortSignal): Promise<EngineProcess> {
    if (this.#engine) return this.#engine;
    const engine = await EngineProcess.start(this.#spec, 'inspect', signal);
    this.#engine = engine;
    void engine.exited.then(() => {
      if (this.#engine === engine) this.#engine = undefined;
    });
    return engine;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.stop(this.#spec.limits.disposeMs);
  }
}
