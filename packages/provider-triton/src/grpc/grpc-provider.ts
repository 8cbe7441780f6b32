import type { ModelSession, ModelSource, OpenOptions } from '@golek/providers-spi';
import { RemoteProvider, type FailureContext } from '@golek/providers-spi/remote';
import { describeModel } from '../describe-model.ts';
import { LoadedSession } from '../loaded-session.ts';
import { modelOptionsOf, TRITON_TASKS, type ResolvedTriton } from '../options.ts';
import { Channels } from './channels.ts';
import { ModelClient } from './model-client.ts';
import { grpcRuns } from './model-runs.ts';

/** Runs models of one server over gRPC. */
export class GrpcProvider extends RemoteProvider {
  readonly #channels: Channels;
  readonly #client: ModelClient;

  constructor(options: ResolvedTriton) {
    const channels = new Channels(options);
    const { idleTimeoutMs } = options;
    const client = new ModelClient(channels, failuresOf(options));
    super(options, {
      capabilities: { tasks: TRITON_TASKS, formats: [] },
      describe: (source, _upstream, signal) => {
        const { version = '' } = modelOptionsOf(source);
        const ask = (ends: AbortSignal) => client.info(source.location, version, ends);
        return describeModel(source, ask, signal, (info) => grpcRuns({ channels, version, idleTimeoutMs, info }));
      },
    });
    this.#channels = channels;
    this.#client = client;
  }

  override async open(source: ModelSource, options: OpenOptions): Promise<ModelSession> {
    if (modelOptionsOf(source).load !== true) return super.open(source, options);
    const { location } = source;
    await this.#client.load(location, options.signal);
    return new LoadedSession(await super.open(source, options), (signal) => this.#client.unload(location, signal));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.#channels[Symbol.dispose]();
  }
}

/** Shorter ones occur in ordinary words. */
const SECRET_CHARACTERS = 6;

const failuresOf = ({ id, baseUrl, apiKey = '', headers }: ResolvedTriton) => {
  const secrets = [apiKey, ...Object.values(headers)].filter(({ length }) => length >= SECRET_CHARACTERS);
  return (model?: string): FailureContext => ({
    upstream: id,
    host: baseUrl.host,
    redact: (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
    ...(model !== undefined && { model }),
  });
};
