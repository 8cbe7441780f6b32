import type {
  Health,
  InferenceEvent,
  InferenceRequest,
  ModelManifest,
  ModelSession,
  RunContext,
  SessionCapabilities,
} from '@golek/providers-spi';
import type { TritonAdmin } from './server-admin.ts';

/** A server that does not answer must not keep Golek from stopping, milliseconds. */
const UNLOAD_LIMIT_MS = 10_000;

/** A session of a model that its server loaded for it, and unloads when it is closed. */
export class LoadedSession implements ModelSession {
  readonly #session: ModelSession;
  readonly #unload: (signal: AbortSignal) => Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(session: ModelSession, unload: (signal: AbortSignal) => Promise<void>) {
    this.#session = session;
    this.#unload = unload;
  }

  /** Lets the server load the model, and opens it. Throws what either throws; a model that was loaded for nothing is unloaded again. */
  static async open(
    model: string,
    admin: Pick<TritonAdmin, 'load' | 'unload'>,
    open: () => Promise<ModelSession>,
    signal: AbortSignal,
  ): Promise<LoadedSession> {
    await admin.load(model, signal);
    const unload = (ends: AbortSignal): Promise<void> => admin.unload(model, ends);
    try {
      return new LoadedSession(await open(), unload);
    } catch (thrown) {
      // The failure of the opening is what counts.
      await unload(AbortSignal.timeout(UNLOAD_LIMIT_MS)).catch(() => undefined);
      throw thrown;
    }
  }

  get manifest(): ModelManifest {
    return this.#session.manifest;
  }

  get capabilities(): SessionCapabilities {
    return this.#session.capabilities;
  }

  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent> {
    return this.#session.run(request, context);
  }

  health(): Health {
    return this.#session.health();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
    await this.#unload(AbortSignal.timeout(UNLOAD_LIMIT_MS));
  }
}
