import type { ModelSession, ModelSource, OpenOptions } from '@golek/providers-spi';
import { RemoteProvider, type FailureContext } from '@golek/providers-spi/remote';
import { describeModel } from '../describe-model.ts';
import { LoadedSession } from '../loaded-session.ts';
import { listRepository } from '../server-admin.ts';
import { modelOptionsOf, TRITON_TASKS, type ResolvedTriton } from '../options.ts';
import { Channels } from './channels.ts';
import { GrpcAdmin } from './grpc-admin.ts';
import { ModelClient } from './model-client.ts';
import { grpcRuns } from './model-runs.ts';

/** Runs models of one server over gRPC. */
export class GrpcProvider extends RemoteProvider {
  /** Owns the channels. */
  readonly #admin: GrpcAdmin;

  constructor(options: ResolvedTriton) {
    const channels = new Channels(options);
    const { idleTimeoutMs } = options;
    const client = new ModelClient(channels, failuresOf(options));
    const admin = new GrpcAdmin(channels, failuresOf(options));
    super(options, {
      capabilities: { tasks: TRITON_TASKS, formats: [] },
      list: (_upstream, signal) => listRepository(admin, signal),
      describe: (source, _upstream, signal) => {
        const { version = '' } = modelOptionsOf(source);
        const ask = (ends: AbortSignal) => client.info(source.location, version, ends);
        return describeModel(source, ask, signal, (info) => grpcRuns({ channels, version, idleTimeoutMs, info }));
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

/** Shorter ones occur in ordinary words. */
const SECRET_CHARACTERS = 6;

export const failuresOf = ({ id, baseUrl, apiKeys, headers }: ResolvedTriton) => {
  const secrets = [...apiKeys, ...Object.values(headers)].filter(({ length }) => length >= SECRET_CHARACTERS);
  return (model?: string): FailureContext => ({
    upstream: id,
    host: baseUrl.host,
    redact: (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
    ...(model !== undefined && { model }),
  });
};
