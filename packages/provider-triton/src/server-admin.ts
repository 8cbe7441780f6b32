import type { ListedModel } from '@golek/providers-spi';

/** What a server is (KServe v2: server metadata). */
export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  /** Names of what it can do beside inference. */
  readonly extensions: readonly string[];
}

/** A model of the server's repository and whether it is loaded. */
export interface RepositoryModel {
  readonly name: string;
  readonly version: string;
  /** `READY`, `UNAVAILABLE`, `LOADING` …; empty where a server tells none. */
  readonly state: string;
  /** Why it is not ready. */
  readonly reason: string;
}

/** What a server counted since it started. */
export interface ModelStatisticsEntry {
  readonly name: string;
  readonly version: string;
  /** Inferences, each of a batch counted. */
  readonly inferences: number;
  /** Runs of the model; fewer than inferences where it has batches. */
  readonly executions: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Time of the succeeded requests together, milliseconds; undefined where the server measures none. */
  readonly successMs: number | undefined;
}

/** Asks a server about itself and changes what it has loaded. Each method throws GolekError, as a run does. */
export interface TritonAdmin extends AsyncDisposable {
  /** Whether it takes requests. */
  ready(signal: AbortSignal): Promise<boolean>;
  metadata(signal: AbortSignal): Promise<ServerDescription>;
  /** The models of its repository. */
  index(signal: AbortSignal): Promise<readonly RepositoryModel[]>;
  load(model: string, signal: AbortSignal): Promise<void>;
  unload(model: string, signal: AbortSignal): Promise<void>;
  /** Of one model, or of all. */
  statistics(model: string | undefined, signal: AbortSignal): Promise<readonly ModelStatisticsEntry[]>;
}

/** The models of a repository, loaded or not, each once: the server chooses the version. */
export const listRepository = async (admin: TritonAdmin, signal: AbortSignal): Promise<readonly ListedModel[]> => {
  const names = new Set((await admin.index(signal)).map(({ name }) => name).filter((name) => name !== ''));
  return [...names].map((location) => ({ location }));
};

/** Longest time for an answer that is no inference, milliseconds. */
export const ANSWER_LIMIT_MS = 20_000;
/** A model may be many gigabytes on a slow disk. */
export const LOAD_LIMIT_MS = 3_600_000;

const MS = 1_000_000;

/** Nanoseconds as milliseconds; a server that measures nothing has zero for requests that there were. */
export const millisecondsOf = (nanoseconds: number, count: number): number | undefined =>
  nanoseconds === 0 && count > 0 ? undefined : nanoseconds / MS;
