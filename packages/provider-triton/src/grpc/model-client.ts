import { GRPC_STATUS, readPorts } from '@golek/protocols/kserve';
import { GolekError } from '@golek/providers-spi';
import type { FailureContext } from '@golek/providers-spi/remote';
import type { ModelInfo } from '../model-info.ts';
import { ANSWER_LIMIT_MS } from '../server-admin.ts';
import { callFailure, statusOf } from './call-failure.ts';
import type { CallContext, Channels } from './channels.ts';

/** Asks a server about its models. */
export class ModelClient {
  readonly #channels: Channels;
  readonly #failures: (model?: string) => FailureContext;

  constructor(channels: Channels, failures: (model?: string) => FailureContext) {
    this.#channels = channels;
    this.#failures = failures;
  }

  /** Throws `model_not_found` where the server works and has no such model that is ready. */
  async info(name: string, version: string, signal: AbortSignal): Promise<ModelInfo> {
    try {
      return await this.#ask(name, version, signal);
    } catch (thrown) {
      // It may be the connection that was not there, or the model: what a server says that can be asked counts.
      if (statusOf(thrown) !== GRPC_STATUS.UNAVAILABLE) throw await this.#absence(thrown, name, signal);
    }
    try {
      await this.#live(signal);
      return await this.#ask(name, version, signal);
    } catch (thrown) {
      throw await this.#absence(thrown, name, signal);
    }
  }

  async #ask(name: string, version: string, signal: AbortSignal): Promise<ModelInfo> {
    const metadata = await this.#channels.unary('modelMetadata', { name, version }, this.#context(signal));
    const { decoupled, optional } = await this.#config(name, version, signal);
    return {
      inputs: readPorts(metadata.inputs, optional),
      outputs: readPorts(metadata.outputs, new Set()),
      decoupled,
    };
  }

  async #live(signal: AbortSignal): Promise<void> {
    await this.#channels.unary('serverLive', {}, this.#context(signal));
  }

  /** A server without Triton's configuration extension has no models that answer more than once. */
  async #config(
    name: string,
    version: string,
    signal: AbortSignal,
  ): Promise<{ readonly decoupled: boolean; readonly optional: ReadonlySet<string> }> {
    try {
      const { config } = await this.#channels.unary('modelConfig', { name, version }, this.#context(signal));
      const optional = (config?.input ?? []).filter((input) => input.optional).map((input) => input.name);
      return { decoupled: config?.modelTransactionPolicy?.decoupled === true, optional: new Set(optional) };
    } catch (thrown) {
      if (statusOf(thrown) === GRPC_STATUS.UNIMPLEMENTED) return { decoupled: false, optional: new Set() };
      throw thrown;
    }
  }

  /** Servers tell a model that is not there in different ways, some as one that is not ready: one that answers at all just does not have it. */
  async #absence(thrown: unknown, name: string, signal: AbortSignal): Promise<GolekError> {
    const failure = this.#failure(thrown, name, signal);
    const status = statusOf(thrown);
    if (
      status !== GRPC_STATUS.NOT_FOUND &&
      status !== GRPC_STATUS.UNAVAILABLE &&
      status !== GRPC_STATUS.INVALID_ARGUMENT
    )
      return failure;
    try {
      await this.#live(signal);
    } catch (second) {
      return this.#failure(second, name, signal);
    }
    const { upstream, host } = this.#failures(name);
    return new GolekError(
      'model_not_found',
      `upstream '${upstream}' (${host}) has no model '${name}' that is ready; load it there, or set its option 'load'`,
      {
        cause: thrown,
        details: { upstream, model: name },
      },
    );
  }

  #context(signal: AbortSignal): CallContext {
    return { signal, deadline: performance.now() + ANSWER_LIMIT_MS };
  }

  #failure(thrown: unknown, model: string, signal: AbortSignal): GolekError {
    return signal.aborted ? GolekError.from(signal.reason, 'cancelled') : callFailure(thrown, this.#failures(model));
  }
}
