import type { InferenceEvent, InferenceRequest, ModelManifest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { Health, ModelSession, OpenOptions, RunContext, SessionCapabilities } from '../provider.ts';
import { refuseUnsupported } from '../request-options.ts';
import type { RemoteModel } from './remote-provider.ts';
import type { Abortable, RunHost } from './run-scope.ts';
import { UpstreamHealth } from './upstream-health.ts';

export interface SessionSetup {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly run: RemoteModel['run'];
  readonly host: Pick<RunHost, 'upstream' | 'slots' | 'model' | 'report'>;
  readonly onHealth: OpenOptions['onHealth'];
  readonly onDispose: (session: RemoteSession) => void;
}

/** A model of an upstream. Holds no connection while nothing runs. */
export class RemoteSession implements ModelSession {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  readonly #setup: SessionSetup;
  readonly #host: RunHost;
  readonly #health = new UpstreamHealth();
  readonly #runs = new Set<Abortable>();
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
      refuse: (request) => refuseUnsupported(request, this.manifest.name, this.capabilities),
    };
  }

  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent> {
    const { capabilities } = this;
    const run = capabilities.tasks.includes(request.task) ? this.#setup.run(this.#host, request, context) : undefined;
    return run ?? this.#refused(request);
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

  /** The refusal comes when the answer is read, as every other failure. */
  async *#refused({ task }: InferenceRequest): AsyncGenerator<InferenceEvent, undefined, undefined> {
    const model = this.manifest.name;
    throw new GolekError(
      'unsupported',
      `model '${model}' does not support the task '${task}'; it supports: ${this.capabilities.tasks.join(', ')}`,
      { details: { task, model } },
    );
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
