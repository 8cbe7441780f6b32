import { GolekError, type SessionLoad } from '@golek/providers-spi';
import type { EvaluateContext, EvaluatedSequence } from '../evaluate-context.ts';
import { Admission, type Entry } from './admission.ts';
import type { Claim, Scheduler, Sequence } from './scheduler.ts';
import { sharedPrefix } from './slot-choice.ts';

/** Prompt tokens that are evaluated between two looks at whether the request is still wanted. */
const CHUNK = 64;

interface Slot {
  readonly sequence: EvaluatedSequence;
  /** Whose cells they are. */
  tenant: string;
  entry: Entry | undefined;
}

/**
 * Runs each sequence by itself through the binding's own `evaluate`, which makes batches of those that meet. Slower than the BatchScheduler when several run,
 * but it needs nothing that is not public. Queue, fairness, deadlines, pauses and aborts are the same; cells are used again within a slot only, and exact
 * log-probabilities, adapters and answers that ignore their end are not to be had.
 */
export class EvaluateScheduler implements Scheduler {
  readonly refuses = ['logprobs', 'bestOf', 'adapters', 'ignoreEos'] as const;
  readonly #context: EvaluateContext;
  readonly #admission: Admission;
  readonly #slots: Slot[];
  readonly #work = new Set<Promise<void>>();
  /** What paused sequences wait for. */
  readonly #waiters = new Set<() => void>();
  #lastFailure: GolekError | undefined;
  #disposal: Promise<void> | undefined;
  /** When work was measured last, or began. */
  #measuredAt = 0;

  constructor(context: EvaluateContext, { queueLimit }: { readonly queueLimit: number }) {
    this.#context = context;
    this.#slots = context.sequences.map((sequence) => ({ sequence, tenant: '', entry: undefined }));
    this.#admission = new Admission({
      parallel: this.#slots.length,
      queueLimit,
      onChange: () => this.wake(),
      now: () => performance.now(),
    });
  }

  get lastFailure(): GolekError | undefined {
    return this.#lastFailure;
  }

  get load(): SessionLoad {
    const running = this.#slots.filter(({ entry }) => entry);
    const tokens = running.reduce((sum, { sequence }) => sum + sequence.cells.length, 0);
    const capacity = this.#context.contextSize * this.#slots.length;
    return {
      running: running.length,
      waiting: this.#admission.waiting,
      kvCache: Math.round((1000 * tokens) / capacity) / 1000,
    };
  }

  submit(sequences: readonly Sequence[], claim: Claim): () => void {
    return this.#admission.submit(sequences, claim);
  }

  wake(): void {
    // The caller's own synchronous work comes first.
    queueMicrotask(() => {
      for (const waiter of this.#waiters) waiter();
      this.#admit();
    });
  }

  #admit(): void {
    for (;;) {
      if (this.#slots.every(({ entry }) => entry)) return;
      const entry = this.#admission.take();
      if (!entry) return;
      const slot = this.#slotFor(entry);
      if (this.#work.size === 0) this.#measuredAt = performance.now();
      slot.entry = entry;
      const work = this.#run(slot, entry).finally(() => {
        this.#work.delete(work);
        this.#admit();
      });
      this.#work.add(work);
    }
  }

  /** Of the free slots, the one whose cells have most of the prompt. */
  #slotFor(entry: Entry): Slot {
    let best: { readonly slot: Slot; readonly shared: number } | undefined;
    for (const slot of this.#slots) {
      if (slot.entry) continue;
      const shared = sharedBy(slot, entry);
      if (!best || shared > best.shared) best = { slot, shared };
    }
    if (!best) throw new Error('no slot is free');
    return best.slot;
  }

  /** Works until the entry has ended in whatever way; never throws. */
  async #run(slot: Slot, entry: Entry): Promise<void> {
    let answered: number | undefined;
    try {
      answered = await this.#answer(slot, entry);
      this.#lastFailure = undefined;
    } catch (cause) {
      const error = GolekError.from(cause, 'provider_failed');
      if (!entry.cancelled) entry.sequence.onError(error);
      // What the cells hold after a failure is not known.
      await slot.sequence.cut(0).catch((failure: unknown) => {
        this.#lastFailure = GolekError.from(failure, 'provider_failed');
      });
    }
    slot.entry = undefined;
    this.#admission.release(entry, answered);
  }

  /** The number of tokens of an answer that came to its own end; undefined: it was cancelled. */
  async #answer(slot: Slot, entry: Entry): Promise<number | undefined> {
    const { prompt, sampler } = entry.sequence;
    const wanted = sharedBy(slot, entry);
    slot.tenant = entry.tenant;
    await slot.sequence.cut(wanted);
    const kept = slot.sequence.cells.length;
    entry.sequence.onStart(kept);
    const last = prompt.length - 1;
    for (let fed = kept; fed < last; fed += CHUNK) {
      if (entry.cancelled) return undefined;
      const tokens = prompt.subarray(fed, Math.min(fed + CHUNK, last));
      await this.#engine(slot.sequence.feed(tokens));
      this.#did(entry, tokens.length, 0);
    }
    const answer: number[] = [];
    const tokens = slot.sequence.generate(prompt[last] ?? 0, sampler, answer);
    try {
      while (!entry.cancelled) {
        const { done, value } = await this.#engine(tokens.next());
        if (done || this.#isCancelled(entry)) return undefined;
        this.#did(entry, 0, 1);
        answer.push(value);
        if (!entry.sequence.onToken(value, undefined)) return answer.length;
        while (entry.sequence.isPaused() && !this.#isCancelled(entry)) await this.#change();
      }
      return undefined;
    } finally {
      await tokens.return();
    }
  }

  /** It may have changed in any wait, which the compiler does not know. */
  #isCancelled({ cancelled }: Entry): boolean {
    return cancelled;
  }

  async #engine<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      const { message } = GolekError.from(cause);
      throw (this.#lastFailure = new GolekError('provider_failed', `the engine failed: ${message}`, { cause }));
    }
  }

  #did(entry: Entry, promptTokens: number, generatedTokens: number): void {
    const now = performance.now();
    this.#admission.charge(entry, promptTokens, generatedTokens);
    this.#admission.measured(promptTokens, generatedTokens, now - this.#measuredAt);
    this.#measuredAt = now;
  }

  async #change(): Promise<void> {
    let wake: () => void = () => undefined;
    await new Promise<void>((resolve) => this.#waiters.add((wake = resolve)));
    this.#waiters.delete(wake);
  }

  /** Ends every sequence with `shutting_down`, waits for what is evaluated and frees the context. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#admission.close();
    await Promise.all(this.#work);
    await this.#context.dispose();
  }
}

const sharedBy = ({ sequence, tenant }: Slot, entry: Entry): number =>
  tenant === entry.tenant ? sharedPrefix(sequence.cells, entry.sequence.prompt) : 0;
