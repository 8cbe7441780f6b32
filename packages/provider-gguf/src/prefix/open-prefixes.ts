import type { Log } from '@golek/providers-spi';
import type { GgufFile } from '../gguf-file.ts';
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
  readonly log: Log | undefined;
}

/** The saved prefix states of a model; undefined where none are wanted, or the folder cannot be used, which the log says. */
export const openPrefixes = async (request: OpenPrefixesRequest): Promise<SavedPrefixes | undefined> => {
  const { name, file, folder, log, options } = request;
  if (folder === undefined || options.prefixCacheBytes === 0) return undefined;
  try {
    return await SavedPrefixes.open({
      folder: new StateFolder(folder, { bytes: options.prefixCacheBytes, states: MOST_STATES }),
      fingerprint: await modelFingerprint({ ...request, paths: file.paths }),
      sequences: options.parallel,
      // llama.cpp leaves out of a state what no window reaches any more.
      uncut: hasSlidingWindow(file.header.metadata) && !options.swaFullCache,
      log,
    });
  } catch (error) {
    log?.warn({ model: name, folder, err: error }, 'the folder for prefix states cannot be used, so none are saved');
    return undefined;
  }
};
