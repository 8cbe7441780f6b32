import type { Log } from '@golek/providers-spi';
import type { GgufFile } from '../gguf-file.ts';
import { learnLayout, type ProbedContext } from './learn-layout.ts';
import { modelFingerprint, type FingerprintRequest } from './model-fingerprint.ts';
import { SavedPrefixes } from './saved-prefixes.ts';
import { hasSlidingWindow } from './sliding-window.ts';
import { StateFolder } from './state-folder.ts';

/** States in one folder; beyond it, looking through the folder takes longer than it is worth. */
const MOST_STATES = 512;

export interface OpenPrefixesRequest extends Omit<FingerprintRequest, 'paths'> {
  readonly name: string;
  readonly file: Pick<GgufFile, 'paths' | 'header'>;
  readonly folder: string | undefined;
  /** It must be empty, and is empty afterwards. */
  readonly context: ProbedContext;
  readonly log: Log | undefined;
}

/** The saved prefix states of a model; undefined where none are wanted, or the folder cannot be used, which the log says. */
export const openPrefixes = async (request: OpenPrefixesRequest): Promise<SavedPrefixes | undefined> => {
  const { name, file, folder, context, log, options } = request;
  if (folder === undefined || options.prefixCacheBytes === 0) return undefined;
  try {
    const layout = await learnLayout(context);
    if (!layout) {
      log?.warn({ model: name }, "states of this model's kind of memory cannot be checked, so none are saved");
      return undefined;
    }
    return await SavedPrefixes.open({
      folder: new StateFolder(folder, { bytes: options.prefixCacheBytes, states: MOST_STATES }),
      fingerprint: await modelFingerprint({ ...request, paths: file.paths }),
      layout,
      // llama.cpp leaves out of a state what no window reaches any more.
      uncut: hasSlidingWindow(file.header.metadata) && !options.swaFullCache,
      log,
    });
  } catch (error) {
    // An engine process passes the text on, not what stands beside it.
    const reason = error instanceof Error ? error.message : String(error);
    log?.warn({ model: name, folder, err: error }, `prefix states cannot be used, so none are saved: ${reason}`);
    return undefined;
  }
};
