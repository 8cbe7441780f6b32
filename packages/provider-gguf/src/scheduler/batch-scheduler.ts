import { setImmediate as nextTurn } from 'node:timers/promises';
import { GolekError, type SessionLoad } from '@golek/providers-spi';
import type { BatchContext, SequenceMemory } from '../binding.ts';
import { shiftCells } from '../prefix/context-shift.ts';
import type { Speculation } from '../speculation/speculation.ts';
import type { Observation } from '../token-logprobs.ts';
import { Admission, type Entry } from './admission.ts';
import { ChunkBudget, type MeasuredStep } from './chunk-budget.ts';
import { Beginnings } from './beginnings.ts';
import { Guesses, type Generating } from './guesses.ts';
import type { PrefixStore, SlotContent } from './prefix-store.ts';
import type { Claim, Scheduler, Sequence } from './scheduler.ts';
import { contentOf, newSlot, type Running, type Slot } from './slots.ts';
import { nextGroup, planStep, type GroupStep, type PlannedRows, type ReadySlot } from './step-plan.ts';

export interface BatchSchedulerOptions {
  /** Sequences that may wait for a slot. */
  readonly queueLimit: number;
  /** What a step of prompts may take that cannot be interrupted, milliseconds. */
  readonly stepMs: number;
  /** States of sequences that outlive their slots. */
  readonly prefixes?: PrefixStore | undefined;
  /** Whether a tenant's requests may use the cells of another's; that shows in their times. */
  readonly shareAcrossTenants?: boolean;
  /** Tokens to keep, of a prompt of so many, when older ones are discarded for want of room; absent: no answer is longer than there is room for. */
  readonly keepOnShift?: ((prompt: number) => number) | undefined;
  /** Guesses tokens, so that one step can give a sequence several. Disposed with the scheduler. */
  readonly speculation?: Speculation | undefined;
  /** Called between steps before the first step of another group than before; at the start it is undefined. */
  readonly enterGroup?: (group: string | undefined) => void;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

/** Answers with no more tokens than this have just begun. */
const JUST_BEGUN = 1;
/** Longest pause of answers that have just begun, while prompts are evaluated that came together with theirs, milliseconds. */
const BURST_MS = 4_000;
/** Tokens of work between which a tenant's prompts go on before those of another: turns that are too short would make all of them wait for all. */
const PROMPT_TURN = 1_024;

const NOTHING_SAVED = { restoredTokens: 0, savedStates: 0, savedBytes: 0 };

interface Sampled {
  readonly token: number;
  readonly observation: Observation | undefined;
}

/** What was drawn for one sequence in a step, and why no more was. */
interface Drawn {
  readonly sampled: readonly Sampled[];
  readonly error: unknown;
}

interface Row {
  readonly slot: Slot;
  readonly running: Running;
  readonly tokens: Uint32Array;
  readonly logitsFrom: number;
  /** Its tokens are of the answer: the sampled one, and those that are guessed to follow it. */
  readonly generates: boolean;
}

/**
 * Runs all sequences of one llama.cpp context, one batch per step: rows of the sequences that generate, then pieces of the prompts. Who gets a slot next is
 * the Admission's decision, what is in a step that of `planStep`, how much of the prompts that of the ChunkBudget, and which cells are used again
 * that of `chooseSlot`. A sequence that is cancelled leaves at the end of the step in progress. The cells of a finished sequence stay in its slot for a
 * later prompt that begins the same.
 */
export class BatchScheduler implements Scheduler {
  readonly refuses = [];
  readonly #context: BatchContext & SequenceMemory;
  readonly #options: BatchSchedulerOptions;
  readonly #now: () => number;
  readonly #admission: Admission;
  readonly #budget: ChunkBudget;
  readonly #slots: readonly Slot[];
  readonly #beginnings: Beginnings;
  readonly #guesses: Guesses | undefined;
  /** The last step of each group that has a slot. */
  readonly #groups = new Map<string | undefined, GroupStep>();
  #group: string | undefined;
  #steps = 0;
  /** Whether a step of prompts may be ended early: the one after such a step may not, so that those who go on make progress. */
  #mayInterrupt = true;
  /** The rows of the step in progress, while it can be interrupted. */
  #interruptible: readonly Row[] = [];
  /** When the steps of prompts began that are not interrupted by one of answers. */
  #promptsSince: number | undefined;
  #loop: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;
  #lastFailure: GolekError | undefined;

  constructor(context: BatchContext & SequenceMemory, options: BatchSchedulerOptions) {
    const { queueLimit, stepMs, now = () => performance.now() } = options;
    this.#context = context;
    this.#options = options;
    this.#now = now;
    this.#budget = new ChunkBudget({ batchSize: context.batchSize, stepMs });
    const onChange = (): void => this.#onChange();
    this.#slots = Array.from({ length: context.sequences }, (_, id) => newSlot(id));
    this.#beginnings = new Beginnings({
      context,
      slots: this.#slots,
      budget: this.#budget,
      prefixes: options.prefixes,
      shareAcrossTenants: options.shareAcrossTenants ?? false,
      onReady: () => this.wake(),
    });
    this.#guesses = options.speculation && new Guesses(options.speculation, context);
    this.#admission = new Admission({ parallel: context.sequences, queueLimit, onChange, now });
  }

  get lastFailure(): GolekError | undefined {
    return this.#lastFailure;
  }

  get load(): SessionLoad {
    let running = 0;
    let tokens = 0;
    // What a free slot keeps for a later prompt can be given up at once: it is not in use.
    for (const slot of this.#slots) {
      if (!slot.running) continue;
      running += 1;
      tokens += slot.cached.length;
    }
    const capacity = this.#context.contextSize * this.#slots.length;
    return {
      running,
      waiting: this.#admission.waiting,
      kvCache: Math.round((1000 * tokens) / capacity) / 1000,
      ...(this.#guesses && { speculation: this.#guesses.counts }),
      prefix: { ...this.#beginnings.reuse, ...(this.#options.prefixes?.load ?? NOTHING_SAVED) },
    };
  }

  submit(sequences: readonly Sequence[], claim: Claim): () => void {
    return this.#admission.submit(sequences, claim);
  }

  wake(): void {
    this.#loop ??= this.#run();
  }

  #onChange(): void {
    this.wake();
    if (this.#interruptible.some(({ running }) => running.entry.cancelled)) this.#context.interrupt?.();
  }

  async #run(): Promise<void> {
    // The caller's own synchronous work comes first, so that sequences submitted together start in one step.
    await Promise.resolve();
    try {
      for (;;) {
        this.#reap();
        await this.#admit();
        await this.#guess();
        const rows = this.#plan();
        if (rows.length > 0) await this.#step(rows);
        else if (!this.#hasNews()) return;
      }
    } catch (cause) {
      const error = GolekError.from(cause);
      for (const slot of this.#slots) if (slot.running) this.#fail(slot, slot.running, error);
      this.#admission.failWaiting(error);
    } finally {
      // In the same turn as the last look at the slots: a wake that comes later starts a new run.
      this.#loop = undefined;
    }
  }

  /** Whether something has happened since the slots were last looked through. */
  #hasNews(): boolean {
    if (this.#admission.waiting > 0 && this.#slots.some(({ running }) => !running)) return true;
    return this.#slots.some(({ running }) => running && (running.entry.cancelled || this.#beginnings.canGoOn(running)));
  }

  #reap(): void {
    for (const slot of this.#slots) if (slot.running?.entry.cancelled) this.#free(slot);
  }

  async #admit(): Promise<void> {
    for (const slot of this.#slots) {
      const { running } = slot;
      if (!running || !this.#beginnings.canGoOn(running)) continue;
      await this.#beginnings.goOn(slot, running).catch((error: unknown) => this.#failed(running, error));
    }
    while (this.#slots.some((slot) => !slot.running)) {
      const entry = this.#admission.take();
      if (!entry) return;
      await this.#beginnings.place(entry).catch((error: unknown) => this.#failed({ entry }, error));
    }
  }

  #failed({ entry }: Pick<Running, 'entry'>, error: unknown): void {
    const slot = this.#slots.find(({ running }) => running?.entry === entry);
    const known = GolekError.from(error, 'provider_failed');
    if (slot?.running) return this.#fail(slot, slot.running, known);
    entry.sequence.onError(known);
    this.#admission.release(entry);
  }

  /** Sequences that can be in the next step, those first whose prompts come first. All are of one group. */
  #ready(): Generating[] {
    const able = this.#slots.flatMap((slot) => {
      const { running } = slot;
      if (!running || running.waits || running.entry.cancelled || running.entry.sequence.isPaused()) return [];
      return [{ slot, running }];
    });
    const group = nextGroup(
      able.map(({ running }) => running.entry.sequence.group),
      this.#groups,
    );
    return able
      .filter(({ running }) => running.entry.sequence.group === group)
      .sort((a, b) => this.#turn(a.running.entry) - this.#turn(b.running.entry) || before(a.running, b.running));
  }

  /** Prompts come before guesses: while there are some, each sequence gets one token in a step. */
  async #guess(): Promise<void> {
    if (!this.#guesses) return;
    const ready = this.#ready();
    for (const { slot, running } of ready) this.#makeRoom(slot, running);
    if (ready.length === 0 || ready.some(({ running }) => running.next === undefined)) return;
    await this.#guesses.make(ready);
  }

  #plan(): Row[] {
    const ready = this.#ready();
    if (!ready[0]) return [];
    for (const { slot, running } of ready) this.#makeRoom(slot, running);
    const { group } = ready[0].running.entry.sequence;
    const prompts = ready.some(({ running }) => running.next === undefined);
    // Others may have come while they were made.
    if (prompts) for (const { running } of ready) running.guesses = [];
    const burst = prompts && this.#isBurst(ready);
    const first = ready.find(({ running }) => running.next === undefined);
    const planned = planStep(ready.map(readySlot), {
      batchSize: this.#context.batchSize,
      prompts: burst || this.#groups.get(group)?.prompts === false,
      promptTokens: (waiting) => (first ? this.#promptTokens(burst ? 0 : waiting, first) : 0),
      enough: this.#budget.enough(first?.slot.cached.length),
    });
    const rows = planned.map((each) => this.#row(each));
    const answers = rows.some(isSingle);
    this.#enter(group, !answers);
    if (answers) this.#promptsSince = undefined;
    else this.#promptsSince ??= this.#now();
    return rows;
  }

  /** Of a step that begins with that prompt and for which so many wait. */
  #promptTokens(waiting: number, { slot, running }: Generating): number {
    const position = slot.cached.length;
    if (waiting > 0) {
      // By what the answers' steps took when it came: those who generate notice what changes.
      if (running.pause?.of !== waiting) running.pause = { of: waiting, ms: this.#budget.pauseMs(waiting) };
      return this.#budget.tokensBeside(waiting, running.pause.ms, position);
    }
    const canInterrupt =
      this.#context.interrupt !== undefined && this.#mayInterrupt && this.#beginnings.pendingCopies === 0;
    return canInterrupt ? this.#budget.longTokens(position) : this.#budget.tokens(position);
  }

  /**
   * Whether prompts go on although answers wait: all of these have just begun. Requests that come together then start together, and each pauses once, instead
   * of the first ones running slowly until the last has started.
   */
  #isBurst(ready: readonly Generating[]): boolean {
    if (this.#promptsSince !== undefined && this.#now() - this.#promptsSince > BURST_MS) return false;
    return ready.every(({ running }) => running.answered <= JUST_BEGUN);
  }

  /** Discards older cells of a sequence that fills its part of the context. */
  #makeRoom(slot: Slot, { entry: { sequence } }: Running): void {
    const { keepOnShift } = this.#options;
    if (!keepOnShift || slot.cached.length < this.#context.contextSize) return;
    const keep = keepOnShift(sequence.prompt.length);
    const discarded = shiftCells(this.#context, slot, keep);
    slot.intact = Math.min(keep, slot.intact ?? keep);
    sequence.onShift?.(discarded);
  }

  /** Prompts of the tenant for which less was done come first, in turns that are not too short. */
  #turn(entry: Entry): number {
    return Math.floor(this.#admission.serviceOf(entry) / PROMPT_TURN);
  }

  #enter(group: string | undefined, prompts: boolean): void {
    this.#groups.set(group, { step: this.#steps + 1, prompts });
    if (group === this.#group) return;
    this.#options.enterGroup?.(group);
    this.#group = group;
    const used = new Set(this.#slots.map(({ running }) => running?.entry.sequence.group));
    for (const known of this.#groups.keys()) if (!used.has(known)) this.#groups.delete(known);
  }

  #row({ id, tokens, logitsFrom }: PlannedRows): Row {
    const slot = this.#slots[id] as Slot;
    const running = slot.running as Running;
    const { prompt } = running.entry.sequence;
    const { next, guesses, fed } = running;
    const generates = next !== undefined;
    const taken = generates ? Uint32Array.of(next, ...guesses).subarray(0, tokens) : prompt.subarray(fed, fed + tokens);
    return { slot, running, tokens: taken, logitsFrom, generates };
  }

  async #step(rows: readonly Row[]): Promise<void> {
    const total = rows.reduce((sum, row) => sum + row.tokens.length, 0);
    this.#steps++;
    const copies = this.#beginnings.pendingCopies;
    const prompts = !rows.some(isSingle);
    const position = prompts ? meanPosition(rows) : 0;
    const started = this.#now();
    let logits: Uint32Array[];
    try {
      this.#context.begin(total);
      logits = rows.map(({ slot, tokens, logitsFrom }) =>
        this.#context.add(slot.id, slot.cached.length, tokens, logitsFrom),
      );
      // Whether a copy was made is not known of a step that ended early.
      const isLong = prompts && total > this.#budget.tokens(position);
      this.#interruptible = isLong && this.#mayInterrupt && copies === 0 ? rows : [];
      if (!(await this.#evaluate(prompts))) return this.#stepInterrupted(rows);
    } catch (cause) {
      this.#stepFailed(rows, cause);
      return;
    } finally {
      this.#interruptible = [];
    }
    if (prompts) this.#mayInterrupt = true;
    this.#lastFailure = undefined;
    this.#beginnings.copiesMade();
    this.#measure(rows, { copies, position, ms: this.#now() - started });
    const drawn = await Promise.all(rows.map((row, i) => this.#draw(row, logits[i] ?? NO_ROWS)));
    // All tokens of a step go out in one turn, so that they cross a process border in one message.
    for (const [i, row] of rows.entries()) this.#take(row, drawn[i] as Drawn);
    if (this.#options.prefixes?.reached) for (const { slot, running } of rows) await this.#reached(slot, running);
  }

  async #evaluate(prompts: boolean): Promise<boolean> {
    if (prompts || !this.#context.decodeHere) return this.#context.decode();
    // What the last step gave goes out first, and what has come in is heard.
    await nextTurn();
    this.#context.decodeHere();
    return true;
  }

  #measure(rows: readonly Row[], step: Pick<MeasuredStep, 'copies' | 'position' | 'ms'>): void {
    const { copies, ms } = step;
    let [promptTokens, generating, guesses] = [0, 0, 0];
    for (const { running, tokens, generates } of rows) {
      if (generates) {
        generating++;
        guesses += tokens.length - 1;
      } else {
        promptTokens += tokens.length;
        this.#admission.charge(running.entry, tokens.length, 0);
      }
    }
    this.#admission.measured(promptTokens, generating, ms);
    const singles = rows.filter(isSingle).length;
    if (guesses === 0)
      this.#budget.observe({ ...step, decodeRows: singles, promptTokens: singles > 0 ? 0 : promptTokens });
    if (promptTokens === 0 && copies === 0) this.#guesses?.measured(generating, guesses, ms);
  }

  /** Nothing of the step has been taken. What is still wanted of it comes in the next one. */
  #stepInterrupted(rows: readonly Row[]): void {
    this.#mayInterrupt = false;
    for (const { slot, running } of rows) {
      if (this.#context.truncate(slot.id, slot.cached.length)) continue;
      this.#empty(slot);
      running.fed = 0;
    }
  }

  #stepFailed(rows: readonly Row[], cause: unknown): void {
    const { message } = GolekError.from(cause);
    const error = new GolekError('provider_failed', `the engine failed to evaluate a batch: ${message}`, { cause });
    this.#lastFailure = error;
    const failed = new Set(rows.map(({ slot }) => slot));
    // Whether a copy was made before the failure is not known. Where it was not, it is made in the next step that succeeds: until then, nothing may be restored.
    for (const slot of this.#slots) if (slot.copying) failed.add(slot);
    for (const slot of failed) {
      if (slot.running) this.#fail(slot, slot.running, error);
      else this.#empty(slot);
    }
  }

  /** Draws from a sequence's rows as long as what is drawn is what was guessed. Its sampler sees just the tokens that it would see without guesses. Never throws. */
  async #draw({ running: { entry }, tokens, generates }: Row, rows: Uint32Array): Promise<Drawn> {
    const { sampler, observe } = entry.sequence;
    const sampled: Sampled[] = [];
    try {
      for (const [i, row] of rows.entries()) {
        if (entry.cancelled) break;
        const token = await this.#context.sample(row, sampler);
        const observation = observe === undefined ? undefined : await this.#context.observe(row, token, observe);
        sampled.push({ token, observation });
        if (!generates || token !== tokens[i + 1]) break;
      }
      return { sampled, error: undefined };
    } catch (error) {
      return { sampled, error };
    }
  }

  /** Takes over what a step has done for a sequence: its cells, and the tokens of its answer. */
  #take(row: Row, { sampled, error }: Drawn): void {
    const { slot, running, tokens, generates } = row;
    const { entry } = running;
    slot.lastUsed = this.#steps;
    running.next = undefined;
    running.guesses = [];
    if (!generates) {
      for (const token of tokens) slot.cached.push(token);
      running.fed += tokens.length;
    } else slot.cached.push(tokens[0] as number);
    const held = slot.cached.length + (generates ? tokens.length - 1 : 0);
    const given: number[] = [];
    let ends = false;
    try {
      for (const { token, observation } of entry.cancelled ? [] : sampled) {
        // The token before has its cell already, since it was guessed.
        if (given.length > 0) slot.cached.push(given.at(-1) as number);
        given.push(token);
        running.answered++;
        ends = !entry.sequence.onToken(token, observation);
        if (ends || this.#isCancelled(entry)) break;
      }
      if (slot.cached.length < held) this.#context.truncate(slot.id, slot.cached.length);
      if (generates) this.#admission.charge(entry, 0, Math.max(1, given.length));
      if (given.length > 0) this.#guesses?.got(row, given, tokens.length - 1, given.length - 1);
      if (ends) this.#free(slot, running.answered);
      else if (error !== undefined && !entry.cancelled) throw error;
      else running.next = given.at(-1);
    } catch (cause) {
      // It ends the sequence, never the step; its cells are still what was evaluated.
      if (slot.cached.length < held) this.#context.truncate(slot.id, slot.cached.length);
      entry.sequence.onError(GolekError.from(cause, 'provider_failed'));
      this.#free(slot);
    }
  }

  /** It may have changed in any call of a consumer, which the compiler does not know. */
  #isCancelled({ cancelled }: Entry): boolean {
    return cancelled;
  }

  async #reached(slot: Slot, running: Running): Promise<void> {
    const { prefixes } = this.#options;
    if (!prefixes?.reached || running.fed === 0 || slot.copying) return;
    const { length } = running.entry.sequence.prompt;
    const atStop = running.fed === running.stop;
    const atEnd = running.fed === length && running.answered <= 1 && slot.cached.length === length;
    if (!atStop && !atEnd) return;
    if (atStop) running.stop = undefined;
    await prefixes.reached(contentOf(slot), this.#context);
  }

  #contents(): SlotContent[] {
    return this.#slots.filter(({ cached, copying }) => cached.length > 0 && !copying).map(contentOf);
  }

  #free(slot: Slot, answered?: number): void {
    const running = slot.running;
    slot.running = undefined;
    this.#guesses?.end(slot);
    if (slot.intact !== undefined) this.#dropShifted(slot, slot.intact);
    if (running) this.#admission.release(running.entry, answered);
  }

  /** What was moved has seen tokens that are gone: another prompt would get another answer from it. */
  #dropShifted(slot: Slot, intact: number): void {
    slot.intact = undefined;
    slot.cached.length = this.#context.truncate(slot.id, intact) ? intact : 0;
    if (slot.cached.length === 0) this.#context.truncate(slot.id, 0);
  }

  /** What the cells hold after a failure is not known, so the slot starts anew. */
  #fail(slot: Slot, running: Running, error: GolekError): void {
    if (!running.entry.cancelled) running.entry.sequence.onError(error);
    this.#free(slot);
    this.#empty(slot);
  }

  #empty(slot: Slot): void {
    slot.cached.length = 0;
    try {
      this.#context.truncate(slot.id, 0);
    } catch {
      // The context itself is broken; the next step on it says so.
    }
  }

  /** Ends every sequence with `shutting_down`, waits for the step in progress and frees the context. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#admission.close();
    this.wake();
    while (this.#loop) await this.#loop;
    try {
      await this.#options.prefixes?.onClose?.(this.#contents(), this.#context);
    } finally {
      await this.#guesses?.[Symbol.asyncDispose]();
      await this.#context.dispose();
    }
  }
}

/** It has the cost of generated tokens. */
const isSingle = ({ logitsFrom }: Row): boolean => logitsFrom === 0;

/** Tokens that stand before those of a step, in the mean of all of these. */
const meanPosition = (rows: readonly Row[]): number => {
  let [tokens, before] = [0, 0];
  for (const row of rows) {
    tokens += row.tokens.length;
    before += row.tokens.length * row.slot.cached.length;
  }
  return before / tokens;
};

const NO_ROWS = new Uint32Array(0);

const before = (a: Running, b: Running): number => a.entry.rank - b.entry.rank || a.entry.order - b.entry.order;

const readySlot = ({ slot, running }: { readonly slot: Slot; readonly running: Running }): ReadySlot => {
  const { length } = running.entry.sequence.prompt;
  const end = running.stop !== undefined && running.stop > running.fed ? Math.min(running.stop, length) : length;
  return {
    id: slot.id,
    pending: running.next === undefined ? 0 : 1 + running.guesses.length,
    prompt: end - running.fed,
    last: end === length,
    lastStep: slot.lastUsed,
  };
};
