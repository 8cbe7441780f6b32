import type { EmbedRequest, GenerateRequest } from '@golek/api';
import type { WireParams } from '../openai/wire-params.ts';

/** What every call that uses a model says of its life. */
interface ModelUse {
  /** The model, as the request names it. */
  readonly model: string;
  /** How long it shall stay after the request, milliseconds; absent: as it is configured. */
  readonly keepAliveMs?: number;
  /** Names of the parameters, for errors. */
  readonly params: WireParams;
}

/** What of a request is about its answer's form. */
export interface AnswerOptions {
  /** What of the request changes nothing; told with the answer. */
  readonly warnings: readonly string[];
}

/** A request that runs a model. */
export interface RunCall extends ModelUse, AnswerOptions {
  readonly kind: 'run';
  readonly request: GenerateRequest;
  readonly stream: boolean;
}

/** A request without input: it loads the model, or unloads it where `keepAliveMs` is 0. */
export interface LifeCall extends ModelUse {
  readonly kind: 'life';
  readonly stream: boolean;
}

export interface EmbedCall extends ModelUse, AnswerOptions {
  readonly kind: 'run';
  readonly request: EmbedRequest;
}
