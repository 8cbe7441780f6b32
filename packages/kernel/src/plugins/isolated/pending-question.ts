import { GolekError } from '@golek/api';
import type { Command, Question } from './messages.ts';
import type { PluginSpec } from './plugin-process.ts';
import type { Asking } from './plugin-supervisor.ts';

/** Processes that may end before they begin with a question; more are not worth it. */
const MAX_SENDS = 3;

/** Questions that may be asked again after a process has ended while it was at work on them; routes and exports may have taken effect. */
const REPEATABLE: ReadonlySet<Question> = new Set(['request', 'events', 'authenticate', 'health']);

/** A question on its way: waiting, sent, begun, answered. */
export class PendingQuestion {
  readonly id: number;
  readonly command: Extract<Command, { type: 'ask' }>;
  readonly answer: Promise<unknown>;
  /** Called when a time limit is over. */
  onLate: (error: GolekError) => void = () => undefined;
  readonly #asking: Asking;
  readonly #spec: PluginSpec;
  readonly #settlers = Promise.withResolvers<unknown>();
  #timer: NodeJS.Timeout;
  #sends = 0;
  #sent = false;
  #began = false;
  #suspect = false;

  constructor(id: number, question: Question, argument: unknown, asking: Asking, spec: PluginSpec) {
    this.id = id;
    this.command = { type: 'ask', id, question, argument };
    this.answer = this.#settlers.promise;
    this.#asking = asking;
    this.#spec = spec;
    this.#timer = this.#waiting();
  }

  /** The present process has it. */
  get sent(): boolean {
    return this.#sent;
  }

  /** The present process is at work on it. */
  get began(): boolean {
    return this.#began;
  }

  /** A process ended while it was at work on this question and others: this one is asked again alone. */
  get suspect(): boolean {
    return this.#suspect;
  }

  send(): void {
    this.#sends++;
    this.#sent = true;
  }

  /** @returns false when it had begun before. */
  begin(): boolean {
    if (this.#began) return false;
    this.#began = true;
    const { limitMs } = this.#asking;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#late(`it took longer than ${limitMs} ms for '${this.command.question}'`),
      limitMs,
    );
    return true;
  }

  /**
   * The process has ended. `alone`: it was at work on nothing else.
   * @returns true when the question is to be asked again.
   */
  processEnded(alone: boolean): boolean {
    this.#sent = false;
    if (this.#asking.bound || this.#sends >= MAX_SENDS) return false;
    if (!this.#began) return true;
    if (alone || this.#suspect || !REPEATABLE.has(this.command.question)) return false;
    this.#suspect = true;
    this.#began = false;
    clearTimeout(this.#timer);
    this.#timer = this.#waiting();
    return true;
  }

  succeed(value: unknown): void {
    this.#settlers.resolve(value);
  }

  fail(error: GolekError): void {
    this.#settlers.reject(error);
  }

  settle(): void {
    clearTimeout(this.#timer);
  }

  #waiting(): NodeJS.Timeout {
    const { waitMs } = this.#spec.limits;
    return setTimeout(() => this.#late(`it did not begin with '${this.command.question}' within ${waitMs} ms`), waitMs);
  }

  #late(trouble: string): void {
    const { name } = this.#spec;
    const details = { plugin: name, question: this.command.question };
    this.onLate(new GolekError('plugin_failed', `plugin '${name}': ${trouble}`, { details }));
  }
}
