import type { ModelSession, ModelSource, OpenOptions } from '@golek/providers-spi';
import { RemoteProvider } from '@golek/providers-spi/remote';
import { describeModel } from '../describe-model.ts';
import { LoadedSession } from '../loaded-session.ts';
import { listRepository } from '../server-admin.ts';
import { modelOptionsOf, TRITON_TASKS, type ResolvedTriton } from '../options.ts';
import { HttpAdmin } from './http-admin.ts';
import { httpRuns } from './http-runs.ts';
import { modelInfo } from './model-info-request.ts';

/** Runs models of one server over REST. */
export class HttpProvider extends RemoteProvider {
  readonly #admin: HttpAdmin;

  constructor(options: ResolvedTriton) {
    const admin = new HttpAdmin(options);
    super(options, {
      capabilities: { tasks: TRITON_TASKS, formats: [] },
      list: (_upstream, signal) => listRepository(admin, signal),
      describe: (source, upstream, signal) => {
        const { version = '' } = modelOptionsOf(source);
        const ask = (ends: AbortSignal) => modelInfo(upstream, source.location, version, ends);
        return describeModel(source, ask, signal, (info) => httpRuns(options.maxLineBytes, version, info));
      },
    });
    this.#admin = admin;
  }

  override async open(source: ModelSource, options: OpenOptions): Promise<ModelSession> {
    if (modelOptionsOf(source).load !== true) return super.open(source, options);
    return LoadedSession.open(source.location, this.#admin, () => super.open(source, options), options.signal);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#admin[Symbol.asyncDispose]();
  }
}
