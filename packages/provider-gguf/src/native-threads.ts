import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { GolekError } from '@golek/providers-spi';
import { BINDING_VERSION } from './binding.ts';

/** The addon of native/threads.cc. */
interface ThreadsAddon {
  /** Version of node-llama-cpp that it was built for. */
  readonly binding: string;
  /** Of its exports. */
  readonly revision: number;
  attach(context: object, threads: number, poll: number): AddonCalls;
}

/** `GOLEK_REVISION` in native/threads.cc. */
const REVISION = 5;

/** What the addon adds to one native context. */
export interface AddonCalls {
  /** While on, an evaluation on the CPU ends early, with the binding's error; what it was given is not in the context's memory then, or only the first part of it. */
  interrupt(on: boolean): void;
  /** Evaluates the batch on the caller's thread; 0, or what went wrong, as `llama_decode` says it. */
  evaluate(): number;
  /** The most likely token of a row of the last batch, with biases added to the logits of some tokens; -1 where there is none. */
  greedy(row: number, tokens: Uint32Array, biases: Float32Array): number;
  /** So many threads instead of those that there are, from the next evaluation on; no evaluation may be in progress. `evaluated`: one has succeeded since the last call. */
  resize(threads: number, evaluated: boolean): void;
  /** Ends the threads; no evaluation may be in progress. */
  free(): void;
}

/** Attaches threads that live as long as a native context. */
export type AttachThreads = (context: object, threads: number) => AddonCalls;

/**
 * How long a thread that has nothing to do looks for work before it sleeps, in ggml's unit of 131,072 looks. The pause between two steps is well below a millisecond; who looks longer
 * takes a core from the server and from other models.
 */
const POLL = 1;

/** The addon of a package that carries one for this platform: what is used where no other is named. */
export const packagedNativeThreads = (): string | undefined => {
  const file = fileURLToPath(new URL(`../native/${process.platform}-${process.arch}/threads.node`, import.meta.url));
  return existsSync(file) ? file : undefined;
};

/** The addon to use, undefined where there is none or none is wanted. Throws what `loadNativeThreads` throws. */
export const findNativeThreads = (file: string | false | undefined): AttachThreads | undefined => {
  if (file === false) return undefined;
  const found = file ?? packagedNativeThreads();
  return found === undefined ? undefined : loadNativeThreads(found);
};

/** Loads a built addon. Throws `model_load_failed` when it cannot be used with this version of the binding. */
export const loadNativeThreads = (file: string): AttachThreads => {
  let addon: Partial<ThreadsAddon>;
  try {
    addon = createRequire(import.meta.url)(file) as Partial<ThreadsAddon>;
  } catch (cause) {
    throw new GolekError(
      'model_load_failed',
      `the thread addon '${file}' cannot be loaded: ${GolekError.from(cause).message}; build it again with 'golek engine build'`,
      { cause, details: { file } },
    );
  }
  const { attach } = addon;
  if (addon.binding === BINDING_VERSION && addon.revision !== REVISION)
    throw new GolekError(
      'model_load_failed',
      `the thread addon '${file}' was built by another version of Golek; build it again with 'golek engine build'`,
      { details: { file } },
    );
  if (!attach || addon.binding !== BINDING_VERSION) {
    throw new GolekError(
      'model_load_failed',
      `the thread addon '${file}' was built for node-llama-cpp ${addon.binding ?? 'of an unknown version'}, but ${BINDING_VERSION} is installed; build it again with 'golek engine build'`,
      { details: { file, built: addon.binding, installed: BINDING_VERSION } },
    );
  }
  return (context, threads) => attach(context, threads, POLL);
};
