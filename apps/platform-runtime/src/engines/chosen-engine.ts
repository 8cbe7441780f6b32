import path from 'node:path';
import { GolekError } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import { readOwnEngines, type GgufProviderOptions, type OwnEngines } from '@golek/provider-gguf';
import type { ConfigOf } from '@golek/system';
import type { PlatformSettings } from '../config/platform-config.ts';
import { ggufConfig } from '../config/gguf-config.ts';

type Wanted = ConfigOf<typeof ggufConfig>['engine'];

/** Options of the GGUF provider that say which native code it runs. */
export type EngineOptions = Pick<GgufProviderOptions, 'binary' | 'nativeThreads'>;

/** Where own engines are in a data folder. */
export const enginesFolder = (home: string): string => path.join(home, 'engines');

/** What runs, of what there is; `note`: why the build that somebody chose is not it. */
export const engineOf = (wanted: Wanted, { active, nativeThreads }: OwnEngines): EngineOptions & { note?: string } => {
  if (wanted === 'prebuilt') return {};
  // An own build keeps its threads by itself, and the addon is linked to the libraries of the prebuilt one.
  if (active && active.problem === undefined) return { binary: active.binary, nativeThreads: false };
  const threads = nativeThreads === undefined ? {} : { nativeThreads };
  if (!active) return threads;
  return { ...threads, note: `the own build '${active.name}' of llama.cpp is not used: ${active.problem ?? ''}` };
};

/** The engine of a data folder that models run on. Nothing in the folder can stop a start: what cannot be used is told to the log. */
export const engineFor = async (home: string | undefined, wanted: Wanted, log: Log): Promise<EngineOptions> => {
  if (home === undefined || wanted === 'prebuilt') return {};
  try {
    const { note, ...engine } = engineOf(wanted, await readOwnEngines(enginesFolder(home)));
    if (note !== undefined) log.warn({}, note);
    return engine;
  } catch (thrown) {
    log.warn({ err: thrown }, `own builds of llama.cpp are not used: ${GolekError.from(thrown).message}`);
    return {};
  }
};

/** The same for a command, which tells of problems itself. Throws `config_invalid` for a folder that cannot be read. */
export const chosenEngine = async ({ configuration, data }: PlatformSettings): Promise<EngineOptions> =>
  engineOf(configuration.get(ggufConfig).engine, await readOwnEngines(enginesFolder(data.root)));
