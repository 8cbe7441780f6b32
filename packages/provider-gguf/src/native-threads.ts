import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { GolekError } from '@golek/providers-spi';
import { BINDING_VERSION } from './binding.ts';

/** The addon of native/threads.cc. */
interface ThreadsAddon {
  /** Version of node-llama-cpp that it was built for. */
  readonly binding: string;
  attach(context: object, threads: number, poll: number): () => void;
}

/** Attaches threads that live as long as a native context; the function that is returned frees them when no step is in progress. */
export type AttachThreads = (context: object, threads: number) => () => void;

/**
 * How long a thread that has nothing to do looks for work before it sleeps, in ggml's unit of 131,072 looks. The pause between two steps is well below a millisecond; who looks longer
 * takes a core from the server and from other models.
 */
const POLL = 1;

/** Where a package that was built for this platform carries the addon. */
const packagedFile = (): string =>
  fileURLToPath(new URL(`../native/${process.platform}-${process.arch}/threads.node`, import.meta.url));

/** The addon to use, undefined where there is none or none is wanted. Throws what `loadNativeThreads` throws. */
export const findNativeThreads = (file: string | false | undefined): AttachThreads | undefined => {
  if (file === false) return undefined;
  const found = file ?? (existsSync(packagedFile()) ? packagedFile() : undefined);
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
  if (!attach || addon.binding !== BINDING_VERSION) {
    throw new GolekError(
      'model_load_failed',
      `the thread addon '${file}' was built for node-llama-cpp ${addon.binding ?? 'of an unknown version'}, but ${BINDING_VERSION} is installed; build it again with 'golek engine build'`,
      { details: { file, built: addon.binding, installed: BINDING_VERSION } },
    );
  }
  return (context, threads) => attach(context, threads, POLL);
};
