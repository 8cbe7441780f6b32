import type { ErrorCode, GenerateRequest, InferenceEvent, Task } from '@golek/api';
import type { RequestOption } from '../request-options.ts';

type WithoutChoice<E> = E extends unknown ? Omit<E, 'choice'> : never;

/** One generated token: its text, or another event of the choice that it becomes. */
export type FakeToken =
  string | WithoutChoice<Extract<InferenceEvent, { type: 'reasoning' | 'tool-call' | 'warning' }>>;

/** Tokens of an answer, or how to make them from the request; called once for each choice. */
export type FakeAnswer = readonly FakeToken[] | ((request: GenerateRequest, choice: number) => readonly FakeToken[]);

export interface FakeFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** How one model of a fake provider behaves. Plain data, but for `answer` as a function, so that it crosses a process border. */
export interface FakeModel {
  /** What a generate request is answered with; default: four words. */
  readonly answer?: FakeAnswer;
  /** Milliseconds before each event; default 0, which uses no timer. */
  readonly delayMs?: number;
  /** Throws in place of the event with this number (0 is the first one), in runs that `when` (text in the prompt) selects; default: all. */
  readonly fail?: FakeFailure & {
    readonly at: number;
    readonly when?: string;
    /** In so many runs of the session, then in no more; default: in all. */
    readonly times?: number;
    /** Seconds that the failure asks to wait. */
    readonly retryAfter?: number;
  };
  /** Waits in place of the event with this number until the run is aborted. */
  readonly hang?: { readonly at: number; readonly when?: string };
  /** How opening goes: `steps` reports of progress (default 1) after `stepMs` (default 0) each, then `error`, if any. */
  readonly load?: { readonly steps?: number; readonly stepMs?: number; readonly error?: FakeFailure };
  /** Default: all but rerank, classify and tensor. */
  readonly tasks?: readonly Task[];
  /** Request options that it supports; default: every one. */
  readonly options?: readonly RequestOption[];
  /** Runs that it works on at once; further ones wait in order. Default 1,024. */
  readonly parallel?: number;
  /** Tokens; default 4,096. */
  readonly contextLength?: number;
  /** What it says that it takes of memory; default: it does not say. Opening refuses it where that is more than allowed, or than the provider's `machineBytes` has left. */
  readonly memoryBytes?: number | undefined;
  /** Components of a vector; default 16. */
  readonly embeddingLength?: number;
}
