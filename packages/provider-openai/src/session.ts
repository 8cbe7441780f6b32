import {
  GolekError,
  refuseUnsupported,
  type Health,
  type InferenceEvent,
  type InferenceRequest,
  type ModelManifest,
  type ModelSession,
  type OpenOptions,
  type RunContext,
  type SessionCapabilities,
} from '@golek/providers-spi';
import { embedRun } from './embed-run.ts';
import { GenerateRun } from './generate-run.ts';
import type { RunHost, RunScope } from './run-scope.ts';
import { UpstreamHealth } from './upstream-health.ts';
import type { WireSettings } from './wire/request-body.ts';

export interface SessionSetup {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly settings: WireSettings;
  readonly maxLineBytes: number;
  readonly host: Pick<RunHost, 'upstream' | 'slots' | 'model' | 'report'>;
  readonly onHealth: OpenOptions['onHealth'];
  readonly onDispose: (session: OpenAiSession) => void;
}

/** A model of an upstream. Holds no connection while nothing runs. */
export class OpenAiSession implements ModelSession {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly #setup: SessionSetup;
  readonly #host: RunHost;
  readonly #health = new UpstreamHealth();
  readonly #runs = new Set<RunScope>();
  #closed: GolekError | undefined;

  constructor(setup: SessionSetup) {
    this.manifest = setup.manifest;
    this.capabilities = setup.capabilities;
    this.#setup = setup;
    this.#host = {
      ...setup.host,
      runs: this.#runs,
      closed: () => this.#closed,
      report: (failure) => this.#report(failure),
    };
  }

  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent> {
    const { settings, maxLineBytes } = this.#setup;
    const { capabilities } = this;
    const { name } = this.manifest;
    if (request.task === 'generate') {
      return new GenerateRun({ host: this.#host, name, capabilities, settings, maxLineBytes }, request, context);
    }
    return this.#other(request, context);
  }

  health(): Health {
    if (this.#closed) return { status: 'down', reason: this.#closed.message };
    return this.#health.current;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = new GolekError('shutting_down', `model '${this.manifest.name}' is closed`);
    for (const run of this.#runs) run.abort(this.#closed);
    this.#setup.onDispose(this);
  }

  async *#other(
    request: Exclude<InferenceRequest, { task: 'generate' }>,
    context: RunContext,
  ): AsyncGenerator<InferenceEvent, undefined, undefined> {
    refuseUnsupported(request, this.manifest.name, this.capabilities);
    // Nothing else passes the check: a session does no other task.
    if (request.task === 'embed') yield* embedRun(this.#host, this.#setup.settings, request, context);
    return undefined;
  }

  #report(failure: GolekError | undefined): void {
    const { host, onHealth } = this.#setup;
    const before = this.#health.current.status;
    this.#health.report(failure);
    host.report(failure);
    const after = this.#health.current;
    if (after.status !== before) onHealth?.(after);
  }
}
