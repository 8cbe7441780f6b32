import type { InferenceEvent, InferenceRequest } from '@golek/api';
import type { InferenceCall } from './call.ts';

/** What a transform may know of the call. */
export type TransformContext = Pick<InferenceCall, 'id' | 'principal' | 'protocol'>;

/** A change of requests, events or both, by plain functions; also what a plugin in a process of its own may do. */
export interface Transform {
  readonly name: string;
  /** Lower numbers see requests first and events last; default 0. */
  readonly order?: number;
  /**
   * In PRE_PROCESSING: the request to go on with, or events as the whole answer in place of one. Throws GolekError to refuse.
   */
  request?(
    request: InferenceRequest,
    context: TransformContext,
    signal: AbortSignal,
  ): RequestResult | Promise<RequestResult>;
  /** In POST_PROCESSING: the events to pass on in place of this one. State for one stream belongs into a closure made by `stream`. */
  stream?(request: InferenceRequest, context: TransformContext): StreamTransform;
}

export type RequestResult = { readonly request: InferenceRequest } | { readonly answer: readonly InferenceEvent[] };

/** Works on the events of one answer, in order. */
export interface StreamTransform {
  event(event: InferenceEvent): readonly InferenceEvent[] | Promise<readonly InferenceEvent[]>;
  /** Called once after the last event: what is still held back. */
  end?(): readonly InferenceEvent[] | Promise<readonly InferenceEvent[]>;
}
