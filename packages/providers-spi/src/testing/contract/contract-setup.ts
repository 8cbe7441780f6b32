import type { ErrorCode, InferenceRequest, ModelSource, Provider, RequestOption } from '../../index.ts';

/** Ways to look inside the provider under test; a check that needs one is skipped without it. */
export interface ContractProbes {
  /** Runs that the provider works on now. */
  activeRuns?(): number | Promise<number>;
  /** Events produced so far by all runs, whether consumed or not. */
  producedEvents?(): number | Promise<number>;
  /** Models that are open now. */
  openSessions?(): number | Promise<number>;
}

/** The provider under test and what it can be asked. */
export interface ProviderContractSetup {
  /** Makes a provider; each check gets its own and disposes it. */
  create(): Provider | Promise<Provider>;
  /** A model that opens. */
  readonly source: ModelSource;
  /** A location with nothing at it. */
  readonly missing: ModelSource;
  /**
   * A request with a short answer of at least two events before the finish, the same each time it is asked. Variants 0 to 3
   * have different prompts.
   */
  request(variant: number): InferenceRequest;
  /** A request whose answer has at least 200 events, so that it can be interrupted. */
  longRequest(): InferenceRequest;
  /** A request that fails after its first event, and the code that it fails with. */
  readonly failing?: { readonly request: InferenceRequest; readonly code: ErrorCode };
  /** A request with an option that the model refuses; found from the capabilities when absent. */
  readonly unsupported?: { readonly request: InferenceRequest; readonly option: RequestOption };
  readonly probes?: ContractProbes;
  /** Events that may be produced ahead of the consumer; default 64. */
  readonly window?: number;
  /** Time limit of each check, milliseconds; default 30,000. */
  readonly timeoutMs?: number;
}
