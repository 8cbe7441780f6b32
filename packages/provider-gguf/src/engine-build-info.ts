import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';

/** What an own build of the native addon is; written beside it. */
export interface EngineBuild {
  /** Version of node-llama-cpp whose sources it was built from. */
  readonly bindingVersion: string;
  /** Repository and release of llama.cpp. */
  readonly repository: string;
  readonly release: string;
  /** Built for this machine's processor alone. */
  readonly native: boolean;
  /** Name of the processor that it was built and checked on. */
  readonly processor: string;
  readonly compiler: string;
  /** RFC 3339, UTC. */
  readonly built: string;
  /** What else distinguishes it, e.g. the folder of changed sources. */
  readonly source?: string;
}

/** Name of the file that tells what a build is. */
export const BUILD_FILE = 'golek-engine.json';

/** Reads what the build beside an addon is. Throws `model_load_failed` where it cannot be read. */
export const readEngineBuild = async (binary: string): Promise<EngineBuild> => {
  const file = path.join(path.dirname(binary), BUILD_FILE);
  try {
    const build = JSON.parse(await readFile(file, 'utf8')) as EngineBuild;
    if (typeof build.release === 'string' && typeof build.bindingVersion === 'string') return build;
    throw new TypeError('it names no release');
  } catch (cause) {
    throw new GolekError(
      'model_load_failed',
      `'${file}' does not tell what the own build of llama.cpp is: ${(cause as Error).message}; build it again with 'golek engine build --full'`,
      { cause, details: { file } },
    );
  }
};
