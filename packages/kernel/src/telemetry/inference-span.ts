import type { AttributeValue, FinishReason, GolekError, InferenceEvent, InferenceRequest, SpanData } from '@golek/api';
import type { CallObserver, CallOutcome, InferenceCall, TraceContext } from '@golek/plugins-api';
import { CapturedAnswer, capturedInput } from './captured-content.ts';
import { operationOf } from './operation.ts';
import { ATTR, GOLEK_ATTR } from './semantic-conventions.ts';
import { startSpan, type ActiveSpan } from './span.ts';

/** Names of clients are cut to this length. */
const MAX_NAME = 128;

/** A failure as a span tells it: by its code, and for people. */
export const spanError = ({ code, message }: Pick<GolekError, 'code' | 'message'>): NonNullable<SpanData['error']> => ({
  type: code,
  message,
});

/** The span of a whole inference, e.g. `chat golek-tiny`, around all phases. Fed by the call's events. */
export class InferenceSpan implements CallObserver {
  /** For what is done under it. */
  readonly trace: TraceContext;
  readonly #span: ActiveSpan;
  readonly #receivedAt: number;
  readonly #answer: CapturedAnswer | undefined;
  readonly #finish: FinishReason[] = [];
  #seen = false;

  private constructor(call: InferenceCall, span: ActiveSpan) {
    this.#span = span;
    this.trace = { ...span.trace, event: (name, attributes) => span.event(name, attributes) };
    this.#receivedAt = call.receivedAt;
    const { content } = call.trace;
    if (content === undefined) return;
    this.#answer = new CapturedAnswer(content);
    const input = capturedInput(call.request, content);
    if (input === undefined) return;
    span.set(ATTR.inputMessages, input.text);
    if (input.truncated) span.set(GOLEK_ATTR.contentTruncated, true);
  }

  /** Undefined when the call's trace is not recorded. */
  static start(call: InferenceCall): InferenceSpan | undefined {
    const { request, trace } = call;
    if (!trace.sink) return undefined;
    const operation = operationOf(request);
    const model = request.model.slice(0, MAX_NAME);
    const span = startSpan(trace, {
      name: `${operation} ${model}`,
      attributes: {
        [ATTR.operation]: operation,
        [ATTR.requestModel]: model,
        [GOLEK_ATTR.requestId]: call.id,
        [GOLEK_ATTR.protocol]: call.protocol,
        ...requestAttributes(request),
      },
    });
    return span && new InferenceSpan(call, span);
  }

  event(event: InferenceEvent): void {
    const span = this.#span;
    this.#answer?.take(event);
    if (event.type === 'start') {
      span.set(ATTR.responseModel, event.model);
      span.set(ATTR.provider, event.provider);
      const { route } = event;
      if (!route) return;
      span.set(GOLEK_ATTR.route, route.name);
      if (route.strategy !== undefined) span.set(GOLEK_ATTR.routeStrategy, route.strategy);
      span.set(GOLEK_ATTR.routeReasons, route.reasons);
    } else if (event.type === 'finish') {
      this.#finish.push(event.reason);
    } else if (event.type === 'usage') {
      const { promptTokens, completionTokens, cachedPromptTokens } = event.usage;
      span.set(ATTR.inputTokens, promptTokens);
      span.set(ATTR.outputTokens, completionTokens);
      if (cachedPromptTokens !== undefined) span.set(ATTR.cachedInputTokens, cachedPromptTokens);
    } else if (!this.#seen) {
      this.#seen = true;
      span.set(ATTR.timeToFirstChunk, (performance.now() - this.#receivedAt) / 1000);
    }
  }

  end(outcome: CallOutcome): void {
    const span = this.#span;
    if (this.#finish.length > 0) span.set(ATTR.finishReasons, this.#finish);
    const answer = this.#answer?.text();
    if (answer !== undefined) span.set(ATTR.outputMessages, answer);
    if (this.#answer?.truncated === true) span.set(GOLEK_ATTR.contentTruncated, true);
    span.set(GOLEK_ATTR.outcome, outcome.status);
    if (outcome.status === 'completed') return span.end();
    const error =
      outcome.status === 'failed'
        ? spanError(outcome.error)
        : { type: 'cancelled', message: 'the consumer stopped reading before the end' };
    span.set(ATTR.errorType, error.type);
    span.end(error);
  }
}

const requestAttributes = (request: InferenceRequest): Readonly<Record<string, AttributeValue>> => {
  if (request.task === 'embed')
    return request.dimensions === undefined ? {} : { [ATTR.dimensions]: request.dimensions };
  if (request.task !== 'generate') return {};
  const { sampling = {}, maxTokens, stop, choices, output } = request;
  const given: readonly (readonly [string, AttributeValue | undefined])[] = [
    [ATTR.maxTokens, maxTokens],
    [ATTR.temperature, sampling.temperature],
    [ATTR.topP, sampling.topP],
    [ATTR.topK, sampling.topK],
    [ATTR.seed, sampling.seed],
    [ATTR.frequencyPenalty, sampling.frequencyPenalty],
    [ATTR.presencePenalty, sampling.presencePenalty],
    // What ends an answer is content of the caller; how many there are is not.
    [ATTR.choiceCount, choices !== undefined && choices > 1 ? choices : undefined],
    [ATTR.outputType, output && (output.type === 'text' || output.type === 'grammar' ? 'text' : 'json')],
    [GOLEK_ATTR.stopCount, stop?.length],
  ];
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of given) if (value !== undefined) attributes[name] = value;
  return attributes;
};
