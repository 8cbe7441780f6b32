import { GolekError, type SessionLoad } from '@golek/providers-spi';
import type { BatchContext, TokenSampler } from './binding.ts';
import { PrefillBudget } from './prefill-budget.ts';
import { chooseSlot, type SlotView } from './slot-choice.ts';
import type { Observation } from './token-logprobs.ts';

/** One answer to be generated. The loop calls it, synchronously and in order. */
export interface Sequence {
  /** At least one token, and fewer than the context holds. */
  readonly prompt: Uint32Array;
  readonly sampler: TokenSampler;
  /** Observe the logits of each sampled token with this many of the most probable ones; undefined: do not. */
  readonly observe: number | undefined;
  /** True while its consumer has enough to read; the loop then leaves it out, and must be told by `wake` when that changes. */
  isPaused(): boolean;
  /** The prompt begins to be evaluated, `reused` tokens of it from the cache. */
  onStart(reused: number): void;
  /** Takes a token; false ends the sequence. */
  onToken(token: number, observation: Observation | undefined): boolean;
  onError(error: GolekError): void;
  /** The loop does not use the sampler any more. Called once, whatever the end. */
  onRelease(): void;
}

export interface DecodeLoopOptions {
  /** Sequences that may wait for a slot. */
  readonly queueLimit: number;
  /** Time that a step should take while prompts are evaluated, milliseconds. */
  readonly stepMs: number;
}

interface Entry {
  readonly sequence: Sequence;
  readonly order: number;
  /** Prompt tokens evaluated so far, reused ones included. */
  fed: number;
  /** Sampled token that is not in the cache yet. */
  next: number | undefined;
  cancelled: boolean;
}

interface Slot extends SlotView {
  cached: number[];
  lastUsed: number;
  entry: Entry | undefined;
}

interface Sampled {
  readonly token: number;
  readonly observation: Observation | undefined;
}

interface Row {
  readonly slot: Slot;
  readonly entry: Entry;
  readonly tokens: Uint32Array;
  readonly samples: boolean;
}

/**
 * Runs all sequences of one llama.cpp context, one batch per step: a row for each sequence that generates, then pieces of the prompts that
 * wait, in order of arrival. A sequence that is cancelled leaves at the end of the step in progress. The cache of a finished sequence stays
 * in its slot for a later prompt that starts the same.
 */
export class DecodeLoop implements AsyncDisposable {
  readonly #context: BatchContext;
  readonly #queueLimit: number;
  readonly #budget: PrefillBudget;
  readonly #slots: Slot[];
  #waiting: Entry[] = [];
  #admissions = 0;
  #steps = 0;
  #running: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;
  #lastFailure: GolekError | undefined;

  constructor(context: BatchContext, { queueLimit, stepMs }: DecodeLoopOptions) {
    this.#context = context;
    this.#queueLimit = queueLimit;
    this.#budget = new PrefillBudget(context.batchSize, stepMs);
    this.#slots = Array.from({ length: context.sequences }, (_, id) => newSlot(id));
  }

  /** The error of the last step, when it failed as a whole. */
  get lastFailure(): GolekError | undefined {
    return this.#lastFailure;
  }

  get load(): Required<SessionLoad> {
    let running = 0;
    let tokens = 0;
    // What a free slot keeps for a later prompt can be given up at once: it is not in use.
    for (const slot of this.#slots) {
      if (!slot.busy) continue;
      running += 1;
      tokens += slot.cached.length;
    }
    const capacity = this.#context.contextSize * this.#slots.length;
    return { running, waiting: this.#waiting.length, kvCache: Math.round((1000 * tokens) / capacity) / 1000 };
  }

  /**
   * Takes sequences in, all or none. Returns the function that ends them before they end themselves. Throws `overloaded` when they would
   * have to wait and the queue is full, `shutting_down` after disposal began.
   */
  submit(sequences: readonly Sequence[]): () => void {
    if (this.#disposal) throw shuttingDown();
    const free = this.#slots.filter((slot) => !slot.busy).length;
    // Those that were submitted in this turn have no slot yet.
    const ahead = this.#waiting.filter((entry) => !entry.cancelled).length;
    if (ahead + sequences.length - free > this.#queueLimit) {
      const [parallel, waiting] = [this.#slots.length, Math.max(0, ahead - free)];
      throw new GolekError(
        'overloaded',
        `no room for ${sequences.length} more: ${parallel - free + ahead - waiting} of ${parallel} sequences run, ${waiting} of at most ${this.#queueLimit} wait`,
        { details: { parallel, waiting, queueLimit: this.#queueLimit } },
      );
    }
    const entries = sequences.map((sequence) => ({
      sequence,
      order: this.#admissions++,
      fed: 0,
      next: undefined,
      cancelled: false,
    }));
    this.#waiting.push(...entries);
    this.wake();
    return () => {
      for (const entry of entries) entry.cancelled = true;
      this.wake();
    };
  }

  /** Goes on when nothing could be done before: a paused sequence may have room again. */
  wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // The caller's own synchronous work comes first, so that sequences submitted together start in one step.
    await Promise.resolve();
    try {
      for (;;) {
        this.#reap();
        this.#admit();
        const rows = this.#plan();
        if (rows.length === 0) return;
        await this.#step(rows);
      }
    } catch (cause) {
      this.#failAll(GolekError.from(cause));
    } finally {
      // In the same turn as the last look at the slots: a wake that comes later starts a new run.
      this.#running = undefined;
    }
  }

  #reap(): void {
    const gone = this.#waiting.filter((entry) => entry.cancelled);
    if (gone.length > 0) this.#waiting = this.#waiting.filter((entry) => !entry.cancelled);
    for (const entry of gone) entry.sequence.onRelease();
    for (const slot of this.#slots) if (slot.entry?.cancelled) this.#free(slot);
  }

  #admit(): void {
    for (let entry = this.#waiting[0]; entry; entry = this.#waiting[0]) {
      const choice = chooseSlot(this.#slots, entry.sequence.prompt);
      const slot = choice && this.#slots[choice.id];
      if (!slot) return;
      this.#waiting.shift();
      slot.entry = entry;
      try {
        entry.fed = this.#keep(slot, choice.shared);
        entry.sequence.onStart(entry.fed);
      } catch (error) {
        this.#fail(slot, entry, GolekError.from(error, 'provider_failed'));
      }
    }
  }

  /** Cuts the slot's cache down to its first `wanted` tokens, or to nothing where the model cannot be cut there. */
  #keep(slot: Slot, wanted: number): number {
    const uncut = wanted === slot.cached.length;
    // A window of attention that has moved on no longer holds what tokens behind the cut would look at.
    const reusable = uncut || this.#context.firstPosition(slot.id) <= 0;
    const kept = wanted > 0 && reusable && this.#context.truncate(slot.id, wanted) ? wanted : 0;
    if (kept === 0) this.#context.truncate(slot.id, 0);
    slot.cached.length = kept;
    return kept;
  }

  #plan(): Row[] {
    const ready = this.#slots.flatMap((slot) =>
      slot.entry && !slot.entry.sequence.isPaused() ? [{ slot, entry: slot.entry }] : [],
    );
    const rows: Row[] = [];
    for (const { slot, entry } of ready) {
      if (entry.next !== undefined) rows.push({ slot, entry, tokens: Uint32Array.of(entry.next), samples: true });
    }
    let budget = Math.min(this.#budget.rows, this.#context.batchSize - rows.length);
    const prompts = ready.filter(({ entry }) => entry.next === undefined).sort((a, b) => a.entry.order - b.entry.order);
    for (const { slot, entry } of prompts) {
      if (budget <= 0) break;
      const tokens = entry.sequence.prompt.subarray(entry.fed, entry.fed + budget);
      budget -= tokens.length;
      rows.push({ slot, entry, tokens, samples: entry.fed + tokens.length === entry.sequence.prompt.length });
    }
    return rows.sort((a, b) => a.slot.id - b.slot.id);
  }

  async #step(rows: readonly Row[]): Promise<void> {
    const total = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    this.#steps++;
    const started = performance.now();
    let logitRows: (number | undefined)[];
    try {
      this.#context.begin(total);
      logitRows = rows.map(({ slot, tokens, samples }) =>
        this.#context.add(slot.id, slot.cached.length, tokens, samples),
      );
      await this.#context.decode();
    } catch (cause) {
      const error = new GolekError(
        'provider_failed',
        `the engine failed to evaluate a batch: ${GolekError.from(cause).message}`,
        { cause },
      );
      this.#lastFailure = error;
      for (const { slot, entry } of rows) this.#fail(slot, entry, error);
      return;
    }
    this.#lastFailure = undefined;
    if (rows.some((row) => row.entry.next === undefined)) this.#budget.observe(total, performance.now() - started);
    for (const { slot, entry, tokens } of rows) {
      for (const token of tokens) slot.cached.push(token);
      slot.lastUsed = this.#steps;
      if (entry.next === undefined) entry.fed += tokens.length;
      entry.next = undefined;
    }
    const sampled = await Promise.allSettled(rows.map(({ entry }, i) => this.#sample(entry, logitRows[i])));
    // All tokens of a step go out in one turn, so that they cross a process border in one message.
    for (const [i, { slot, entry }] of rows.entries()) this.#deliver(slot, entry, sampled[i]);
  }

  async #sample({ sequence, cancelled }: Entry, logitRow: number | undefined): Promise<Sampled | undefined> {
    if (logitRow === undefined || cancelled) return undefined;
    const token = await this.#context.sample(logitRow, sequence.sampler);
    if (sequence.observe === undefined) return { token, observation: undefined };
    return { token, observation: await this.#context.observe(logitRow, token, sequence.observe) };
  }

  /** An error ends the sequence of the row, never the step; its cache is still what was evaluated. */
  #deliver(slot: Slot, entry: Entry, sampled: PromiseSettledResult<Sampled | undefined> | undefined): void {
    if (!sampled || entry.cancelled) return;
    try {
      if (sampled.status === 'rejected') throw sampled.reason;
      if (!sampled.value) return;
      const { token, observation } = sampled.value;
      if (entry.sequence.onToken(token, observation)) entry.next = token;
      else this.#free(slot);
    } catch (cause) {
      entry.sequence.onError(GolekError.from(cause, 'provider_failed'));
      this.#free(slot);
    }
  }

  #free(slot: Slot): void {
    const entry = slot.entry;
    slot.entry = undefined;
    entry?.sequence.onRelease();
  }

  /** What the cache holds after a failure is not known, so the slot starts anew. */
  #fail(slot: Slot, entry: Entry, error: GolekError): void {
    if (!entry.cancelled) entry.sequence.onError(error);
    this.#free(slot);
    slot.cached.length = 0;
    try {
      this.#context.truncate(slot.id, 0);
    } catch {
      // The context itself is broken; the next step on it says so.
    }
  }

  #failAll(error: GolekError): void {
    for (const slot of this.#slots) if (slot.entry) this.#fail(slot, slot.entry, error);
    for (const entry of this.#waiting.splice(0)) {
      if (!entry.cancelled) entry.sequence.onError(error);
      entry.sequence.onRelease();
    }
  }

  /** Ends every sequence with `shutting_down`, waits for the step in progress and frees the context. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    const active = this.#slots.flatMap((slot) => slot.entry ?? []);
    for (const entry of [...active, ...this.#waiting]) {
      if (!entry.cancelled) entry.sequence.onError(shuttingDown());
      entry.cancelled = true;
    }
    this.wake();
    while (this.#running) await this.#running;
    await this.#context.dispose();
  }
}

const shuttingDown = (): GolekError => new GolekError('shutting_down', 'the model is being unloaded');

const newSlot = (id: number): Slot => ({
  id,
  cached: [],
  lastUsed: 0,
  entry: undefined,
  get busy() {
    return this.entry !== undefined;
  },
});
