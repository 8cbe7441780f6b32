import { GolekError } from '@golek/providers-spi';
import { FairQueue, type Ticket } from './fair-queue.ts';
import type { Claim, Sequence } from './scheduler.ts';
import { retryAfterOf, Throughput, workOf } from './throughput.ts';

/** One step of priority is worth so long a wait, milliseconds, as in the kernel's bulkhead: nobody is passed by more than `20 × AGE_MS`, so nobody starves. */
const AGE_MS = 1_000;
/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A sequence from its submission to its end. */
export interface Entry {
  readonly sequence: Sequence;
  readonly tenant: string;
  readonly rank: number;
  readonly work: number;
  readonly ticket: Request;
  /** Order of submission. */
  readonly order: number;
  /** Nothing of it is wanted any more: its place is to be given back. */
  cancelled: boolean;
}

/** Sequences that were submitted together. */
interface Request extends Ticket {
  readonly entries: Entry[];
  readonly timer: NodeJS.Timeout | undefined;
  /** Entries that have not ended. */
  open: number;
}

export interface AdmissionOptions {
  /** Sequences that run at once. */
  readonly parallel: number;
  /** Sequences that may wait for a place. */
  readonly queueLimit: number;
  /** Running entries were cancelled, or new ones wait. */
  readonly onChange: () => void;
  readonly now: () => number;
}

/**
 * Who may wait, who is next, and who is told to come again: sequences wait in a fair queue of limited length until a scheduler takes them. Ends what has passed
 * its deadline, while it waits and while it runs.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #queue = new FairQueue<Entry>();
  readonly #running = new Set<Entry>();
  readonly #throughput = new Throughput();
  #submitted = 0;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Takes sequences in, all or none, as `Scheduler.submit` says. */
  submit(sequences: readonly Sequence[], { tenant, priority, deadline }: Claim): () => void {
    if (this.#closed) throw shuttingDown();
    const now = this.#options.now();
    if (deadline <= now) throw tooLate();
    const rank = now - priority * AGE_MS;
    const waitMs = this.#expectedWait(tenant, rank);
    if (waitMs !== undefined && now + waitMs >= deadline) throw this.#refusal(sequences.length, waitMs, deadline - now);
    this.#makeRoom(tenant, sequences.length, waitMs);
    const ticket: Request = {
      size: sequences.length,
      open: sequences.length,
      entries: [],
      timer:
        deadline === Infinity
          ? undefined
          : setTimeout(() => this.#end(ticket.entries, tooLate()), Math.min(deadline - now, LONGEST_TIMER_MS)),
    };
    for (const sequence of sequences) {
      const work = this.#throughput.expected(sequence);
      const entry = { sequence, tenant, rank, work, ticket, order: this.#submitted++, cancelled: false };
      ticket.entries.push(entry);
      this.#queue.push(entry);
    }
    this.#options.onChange();
    return () => this.#end(ticket.entries, undefined);
  }

  /** The next one to run, when there is one. It runs until `release`. */
  take(): Entry | undefined {
    const entry = this.#queue.take();
    if (entry) this.#running.add(entry);
    return entry;
  }

  /** An entry that was taken does not run any more. `answered`: tokens of its answer, when that came to its own end. */
  release(entry: Entry, answered?: number): void {
    if (!this.#running.delete(entry)) return;
    if (answered !== undefined) this.#throughput.answered(answered);
    this.#queue.leave(entry.tenant);
    this.#close(entry);
  }

  /** Tokens were evaluated for an entry. */
  charge({ tenant }: Entry, promptTokens: number, generatedTokens: number): void {
    this.#queue.charge(tenant, workOf(promptTokens, generatedTokens));
  }

  /** So many tokens were evaluated for all entries in so many milliseconds of work. */
  measured(promptTokens: number, generatedTokens: number, ms: number): void {
    this.#throughput.observe(workOf(promptTokens, generatedTokens), ms);
  }

  /** Work done for the entry's tenant while it had something to do. */
  serviceOf({ tenant }: Entry): number {
    return this.#queue.serviceOf(tenant);
  }

  /** Ends everything that waits. */
  failWaiting(error: GolekError): void {
    this.#drop(this.#queue.clear(), error);
  }

  /** Takes nothing in any more and ends everything with `shutting_down`. */
  close(): void {
    this.#closed = true;
    this.#end([...this.#running], shuttingDown());
    this.failWaiting(shuttingDown());
  }

  /** Ends entries wherever they are; with an error, their consumers are told. Those that run give their places back when their step is done. */
  #end(entries: readonly Entry[], error: GolekError | undefined): void {
    const waiting = entries.filter((entry) => !entry.cancelled && this.#queue.remove(entry));
    this.#drop(waiting, error);
    for (const entry of entries) {
      if (entry.cancelled || !this.#running.has(entry)) continue;
      entry.cancelled = true;
      if (error) entry.sequence.onError(error);
    }
    this.#options.onChange();
  }

  #drop(waiting: readonly Entry[], error: GolekError | undefined): void {
    for (const entry of waiting) {
      entry.cancelled = true;
      if (error) entry.sequence.onError(error);
      this.#close(entry);
    }
  }

  #close({ ticket, sequence }: Entry): void {
    if (--ticket.open === 0) clearTimeout(ticket.timer);
    sequence.onRelease();
  }

  #makeRoom(tenant: string, wanted: number, waitMs: number | undefined): void {
    const { parallel, queueLimit } = this.#options;
    // Those that were submitted in this turn wait, but have a place.
    const free = parallel - this.#running.size;
    const over = this.#queue.size + wanted - free - queueLimit;
    if (over <= 0) return;
    const dropped = this.#queue.displaced(tenant, over);
    if (dropped.length === 0) throw this.#refusal(wanted, waitMs);
    for (const entry of dropped) this.#queue.remove(entry);
    this.#drop(dropped, this.#refusal(dropped.length, waitMs));
  }

  /** Until a request of this tenant and rank could start, milliseconds: all before it has to be done, and one of those that run has to end. */
  #expectedWait(tenant: string, rank: number): number | undefined {
    const { parallel } = this.#options;
    if (this.#running.size + this.#queue.size < parallel) return 0;
    let running = 0;
    for (const { work } of this.#running) running += work;
    return this.#throughput.milliseconds(this.#queue.workAhead(tenant, rank) + running / parallel);
  }

  #refusal(wanted: number, waitMs: number | undefined, leftMs?: number): GolekError {
    const { parallel, queueLimit } = this.#options;
    const running = Math.min(parallel, this.#running.size + this.#queue.size);
    const waiting = this.#running.size + this.#queue.size - running;
    const state = `${running} of ${parallel} sequences run, ${waiting} of at most ${queueLimit} wait`;
    const problem =
      leftMs === undefined
        ? `no room for ${wanted} more: ${state}`
        : `the request could start in about ${Math.round(waitMs ?? 0)} ms, after its deadline in ${Math.round(leftMs)} ms: ${state}`;
    return new GolekError('overloaded', problem, {
      retryAfter: retryAfterOf(waitMs),
      details: { parallel, waiting, queueLimit },
    });
  }
}

const shuttingDown = (): GolekError => new GolekError('shutting_down', 'the model is being unloaded');

const tooLate = (): GolekError =>
  new GolekError('deadline_exceeded', 'the deadline of the request passed before its answer was complete');
