import { GRPC_STATUS } from '@golek/protocols/kserve';
import { GolekError } from '@golek/providers-spi';
import type { FailureContext } from '@golek/providers-spi/remote';
import {
  ANSWER_LIMIT_MS,
  LOAD_LIMIT_MS,
  millisecondsOf,
  type ModelStatisticsEntry,
  type RepositoryModel,
  type ServerDescription,
  type TritonAdmin,
} from '../server-admin.ts';
import { callFailure, statusOf } from './call-failure.ts';
import type { CallContext, Channels } from './channels.ts';

/** The extensions of the protocol that are about the server itself, over gRPC. Owns the channels that it is given. */
export class GrpcAdmin implements TritonAdmin {
  readonly #channels: Channels;
  readonly #failures: (model?: string) => FailureContext;

  constructor(channels: Channels, failures: (model?: string) => FailureContext) {
    this.#channels = channels;
    this.#failures = failures;
  }

  async ready(signal: AbortSignal): Promise<boolean> {
    const ask = (context: CallContext) => this.#channels.unary('serverReady', {}, context);
    try {
      return (await this.#told(ask, signal)).ready;
    } catch (thrown) {
      if (GolekError.from(thrown).details?.['status'] === 'UNAVAILABLE') return false;
      throw thrown;
    }
  }

  async metadata(signal: AbortSignal): Promise<ServerDescription> {
    const { name, version, extensions } = await this.#told(
      (context) => this.#channels.unary('serverMetadata', {}, context),
      signal,
    );
    return { name, version, extensions };
  }

  async index(signal: AbortSignal): Promise<readonly RepositoryModel[]> {
    const asked = { repositoryName: '', ready: false };
    const { models } = await this.#told((context) => this.#channels.unary('repositoryIndex', asked, context), signal);
    return models.map(({ name, version, state, reason }) => ({ name, version, state, reason }));
  }

  async load(model: string, signal: AbortSignal): Promise<void> {
    await this.#change('repositoryModelLoad', model, signal);
  }

  async unload(model: string, signal: AbortSignal): Promise<void> {
    await this.#change('repositoryModelUnload', model, signal);
  }

  async statistics(model: string | undefined, signal: AbortSignal): Promise<readonly ModelStatisticsEntry[]> {
    const asked = { name: model ?? '', version: '' };
    const { modelStats } = await this.#told(
      (context) => this.#channels.unary('modelStatistics', asked, context),
      signal,
      model,
    );
    return modelStats.map(({ name, version, inferenceCount, executionCount, inferenceStats }) => {
      const succeeded = Number(inferenceStats?.success?.count ?? 0);
      return {
        name,
        version,
        inferences: Number(inferenceCount),
        executions: Number(executionCount),
        succeeded,
        failed: Number(inferenceStats?.fail?.count ?? 0),
        successMs: millisecondsOf(Number(inferenceStats?.success?.ns ?? 0), succeeded),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channels[Symbol.dispose]();
  }

  async #change(
    method: 'repositoryModelLoad' | 'repositoryModelUnload',
    model: string,
    signal: AbortSignal,
  ): Promise<void> {
    const asked = { repositoryName: '', modelName: model, parameters: new Map() };
    await this.#told((context) => this.#channels.unary(method, asked, context), signal, model, LOAD_LIMIT_MS);
  }

  /** What a server answers. One without the extension is told from one that fails. */
  async #told<T>(
    ask: (context: CallContext) => Promise<T>,
    signal: AbortSignal,
    model?: string,
    limitMs = ANSWER_LIMIT_MS,
  ): Promise<T> {
    try {
      return await ask({ signal, deadline: performance.now() + limitMs });
    } catch (thrown) {
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      const failures = this.#failures(model);
      if (statusOf(thrown) !== GRPC_STATUS.UNIMPLEMENTED) throw callFailure(thrown, failures);
      const { upstream, host } = failures;
      throw new GolekError(
        'unsupported',
        `upstream '${upstream}' (${host}) does not have this extension of KServe v2`,
        {
          cause: thrown,
          details: { upstream },
        },
      );
    }
  }
}
