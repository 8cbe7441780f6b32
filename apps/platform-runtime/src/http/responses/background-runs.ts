import { GolekError } from '@golek/api';
import type { ResponseObject } from '@golek/protocols/openai-responses';
import { BackgroundJob, type BackgroundWork } from './background-job.ts';
import type { EventTape } from './event-tape.ts';
import type { ResponseLimits } from './response-limits.ts';

/** The runs in the background, bounded in number. The engine knows them as it knows any other, and ends them when it stops. */
export class BackgroundRuns {
  readonly #limits: () => ResponseLimits;
  /** With those that were cancelled and have not stopped yet. */
  readonly #jobs = new Map<string, BackgroundJob>();

  constructor(limits: () => ResponseLimits) {
    this.#limits = limits;
  }

  /** @returns the job, which has begun. Throws `overloaded` when there are too many, and what `run` throws. */
  start(work: BackgroundWork): BackgroundJob {
    const { maxBackground, maxBytes } = this.#limits();
    if (this.#jobs.size >= maxBackground) {
      throw new GolekError(
        'overloaded',
        `there are ${this.#jobs.size} responses in the background, as many as 'responses.maxBackground' allows; try later, or without 'background'`,
        { details: { path: 'background' } },
      );
    }
    const job = new BackgroundJob(work, Math.floor(maxBytes / maxBackground));
    const events = work.run(work.exchange);
    const { id } = job.begun;
    this.#jobs.set(id, job);
    void job.run(events).finally(() => this.#jobs.delete(id));
    return job;
  }

  /** A response that is being made, as it is now. */
  get(tenant: string, id: string): ResponseObject | undefined {
    return this.#find(tenant, id)?.present;
  }

  /** Its events, where it is streamed. */
  tape(tenant: string, id: string): EventTape | undefined {
    return this.#find(tenant, id)?.tape;
  }

  /** Ends a run. @returns the response with what it had made; undefined when there is no such run. */
  cancel(tenant: string, id: string): ResponseObject | undefined {
    return this.#find(tenant, id)?.cancel();
  }

  #find(tenant: string, id: string): BackgroundJob | undefined {
    const job = this.#jobs.get(id);
    return job?.tenant === tenant && job.present ? job : undefined;
  }
}
