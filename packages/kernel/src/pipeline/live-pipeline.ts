import type { Handler, Log, ObserverContribution, PhaseContribution } from '@golek/plugins-api';
import type { ExtensionPoint } from '../extensions/extension-point.ts';
import { composePhases, type Pipeline } from './compose-phases.ts';

/** A composed pipeline and the calls that run through it. */
export class PipelineGeneration {
  readonly handler: Handler;
  readonly observers: readonly ObserverContribution[];
  #calls = 0;
  #retired: PromiseWithResolvers<void> | undefined;

  constructor({ handler, observers }: Pipeline) {
    this.handler = handler;
    this.observers = observers;
  }

  enter(): void {
    this.#calls += 1;
  }

  leave(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#retired?.resolve();
  }

  /** Resolves when the last of its calls has ended; no call enters any more. */
  retire(): Promise<void> {
    this.#retired ??= Promise.withResolvers();
    if (this.#calls === 0) this.#retired.resolve();
    return this.#retired.promise;
  }
}

/** Composes the pipeline anew when the phases change. Calls in progress stay with the generation that they began in. */
export class LivePipeline {
  #current: PipelineGeneration | undefined;
  /** Resolves when the calls of every generation before the present one have ended: an old one may hold what a later change takes away. */
  #retired: Promise<unknown> = Promise.resolve();

  constructor(phases: ExtensionPoint<PhaseContribution>, dispatch: Handler, log: Log) {
    const compose = (items: readonly PhaseContribution[]): Pipeline => composePhases(items, dispatch, log);
    phases.consume({
      check: (items) => void compose(items),
      apply: (items) => {
        const previous = this.#current;
        this.#current = new PipelineGeneration(compose(items));
        const retired = Promise.all([this.#retired, previous?.retire()]).then(() => undefined);
        this.#retired = retired;
        return retired;
      },
    });
  }

  /** The generation for a new call. */
  get current(): PipelineGeneration {
    if (!this.#current) throw new TypeError('the pipeline is used before it is composed');
    return this.#current;
  }
}
