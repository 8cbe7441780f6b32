import { GolekError, RunSlots } from '@golek/providers-spi';
import type { OnnxGraph, OnnxTensor, TensorPort } from './graph.ts';
import type { GraphPorts } from './graph-ports.ts';
import type { LoadedModel } from './runtime.ts';

/** A loaded model whose runs take turns, in the order in which they came. */
export class RuntimeGraph implements OnnxGraph {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** The same graph for work that is bounded before it comes here: its runs take turns with the others, are never refused and not counted in `load`. */
  readonly unlimited: OnnxGraph;
  readonly #name: string;
  readonly #model: LoadedModel;
  readonly #queueLimit: number;
  readonly #turn = new RunSlots(1);
  readonly #closing = new AbortController();
  #runs = 0;
  #waiting = 0;
  #closed: Promise<void> | undefined;

  constructor(name: string, model: LoadedModel, ports: GraphPorts, queueLimit: number) {
    this.#name = name;
    this.#model = model;
    this.inputs = ports.inputs;
    this.outputs = ports.outputs;
    this.#queueLimit = queueLimit;
    this.unlimited = {
      inputs: ports.inputs,
      outputs: ports.outputs,
      run: (feeds, wanted, signal) => this.#inTurn(feeds, wanted, signal),
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  /** Runs that are bounded by the queue limit. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#runs - this.#waiting, waiting: this.#waiting };
  }

  async run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    wanted: readonly string[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, OnnxTensor>>> {
    if (this.#waiting >= this.#queueLimit && !this.#turn.isFree)
      throw new GolekError(
        'overloaded',
        `model '${this.#name}' has ${this.#waiting} runs waiting; queueLimit (${this.#queueLimit}) is reached`,
      );
    this.#runs++;
    this.#waiting++;
    let waits = true;
    const begun = (): void => {
      if (waits) this.#waiting--;
      waits = false;
    };
    try {
      return await this.#inTurn(feeds, wanted, signal, begun);
    } finally {
      begun();
      this.#runs--;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #inTurn(
    feeds: Readonly<Record<string, OnnxTensor>>,
    wanted: readonly string[],
    signal: AbortSignal,
    onBegin?: () => void,
  ): Promise<Readonly<Record<string, OnnxTensor>>> {
    this.#checkOpen(signal);
    if (!this.#turn.tryTake()) await this.#turn.take(AbortSignal.any([signal, this.#closing.signal]));
    onBegin?.();
    try {
      this.#checkOpen(signal);
      const outputs = await this.#model.run(feeds, wanted);
      this.#checkOpen(signal);
      return outputs;
    } catch (thrown) {
      if (thrown instanceof GolekError) throw thrown;
      throw new GolekError(
        'invalid_request',
        `model '${this.#name}' cannot work on these tensors: ${(thrown as Error).message.trim()}`,
        { cause: thrown, details: { model: this.#name } },
      );
    } finally {
      this.#turn.give();
    }
  }

  #checkOpen(signal: AbortSignal): void {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
  }

  async #close(): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `model '${this.#name}' is being unloaded`));
    // The run in progress is done first: the runtime must not be freed below it.
    await this.#turn.take(new AbortController().signal);
    await this.#model.release();
  }
}
