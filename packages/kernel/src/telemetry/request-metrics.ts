import type { InferenceEvent, Usage } from '@golek/api';
import type { CallObserver, CallOutcome, InferenceCall, ObserverContribution } from '@golek/plugins-api';
import type { MetricRegistry } from './metric-registry.ts';
import type { Counter, Gauge, Histogram } from './metric-series.ts';
import { operationOf } from './operation.ts';
import { ATTR, BOUNDS, GOLEK_ATTR, METRIC } from './semantic-conventions.ts';

const OF_MODEL = [ATTR.requestModel, ATTR.provider, ATTR.operation] as const;

/** Models whose series are kept at hand; names of models that are gone go with the others beyond it. */
const MAX_BOUND = 1024;

/** What one operation of one model is counted by. */
interface ModelSeries {
  readonly duration: Histogram;
  readonly firstToken: Histogram;
  readonly perToken: Histogram;
  readonly betweenTokens: Histogram;
  readonly queue: Histogram;
  readonly prefill: Histogram;
  readonly decode: Histogram;
  readonly promptTokens: Counter;
  readonly completionTokens: Counter;
  readonly cachedTokens: Counter;
  readonly promptSize: Histogram;
  readonly completionSize: Histogram;
  readonly completed: Counter;
  readonly abandoned: Counter;
}

/** What every request is counted by. */
class RequestMetrics {
  readonly #families;
  readonly #active: Gauge;
  /** Model → provider → operation: no text is made to find a series. */
  readonly #bound = new Map<string, Map<string, Map<string, ModelSeries>>>();

  constructor(registry: MetricRegistry) {
    const seconds = (name: string, description: string, bounds: readonly number[]) =>
      registry.histogram({ name, description, unit: 's', labels: OF_MODEL, bounds });
    const tokens = (name: string, description: string) =>
      registry.counter({ name, description, unit: '{token}', labels: OF_MODEL });
    const sizes = (name: string, description: string) =>
      registry.histogram({ name, description, unit: '{token}', labels: OF_MODEL, bounds: BOUNDS.tokens });
    this.#active = registry
      .gauge({ name: 'golek.requests.active', description: 'Requests in progress.', unit: '{request}' })
      .with();
    this.#families = {
      requests: registry.counter({
        name: 'golek.requests',
        description: 'Requests by how they ended; failed ones by error code.',
        unit: '{request}',
        labels: [...OF_MODEL, GOLEK_ATTR.outcome, ATTR.errorType],
      }),
      duration: seconds(METRIC.requestDuration, 'From receipt to the end of the answer.', BOUNDS.request),
      firstToken: seconds(METRIC.timeToFirstToken, 'From receipt to the first piece of the answer.', BOUNDS.firstToken),
      perToken: seconds(
        METRIC.timePerOutputToken,
        'Mean time for each token after the first, of one answer.',
        BOUNDS.perToken,
      ),
      betweenTokens: seconds(
        'golek.request.inter_token.duration',
        'Time between two pieces of an answer.',
        BOUNDS.perToken,
      ),
      queue: seconds('golek.request.queue.duration', "Wait for a free place in the engine's batch.", BOUNDS.firstToken),
      prefill: seconds('golek.request.prefill.duration', 'Evaluation of the prompt in the engine.', BOUNDS.firstToken),
      decode: seconds('golek.request.decode.duration', 'From the first generated token to the last.', BOUNDS.request),
      promptTokens: tokens('golek.tokens.prompt', 'Prompt tokens, those from the cache included.'),
      completionTokens: tokens('golek.tokens.completion', 'Generated tokens.'),
      cachedTokens: tokens('golek.tokens.cached', 'Prompt tokens whose KV cache was reused.'),
      promptSize: sizes('golek.request.prompt.size', 'Prompt tokens of one request.'),
      completionSize: sizes('golek.request.completion.size', 'Generated tokens of one request.'),
    };
  }

  begin(): void {
    this.#active.add(1);
  }

  end(): void {
    this.#active.add(-1);
  }

  of(model: string, provider: string, operation: string): ModelSeries {
    let providers = this.#bound.get(model);
    if (!providers) {
      if (this.#bound.size >= MAX_BOUND) this.#bound.clear();
      this.#bound.set(model, (providers = new Map<string, Map<string, ModelSeries>>()));
    }
    let operations = providers.get(provider);
    if (!operations) providers.set(provider, (operations = new Map<string, ModelSeries>()));
    let series = operations.get(operation);
    if (!series) operations.set(operation, (series = this.#bind(model, provider, operation)));
    return series;
  }

  failed(model: string, provider: string, operation: string, code: string): void {
    this.#families.requests.with(model, provider, operation, 'failed', code).add();
  }

  /** A request that ended before a model answered has no model: the name that it asked for is the client's text. */
  unanswered(operation: string, outcome: CallOutcome['status'], code: string): void {
    this.#families.requests.with('', '', operation, outcome, code).add();
  }

  #bind(...labels: readonly [model: string, provider: string, operation: string]): ModelSeries {
    const { requests, ...rest } = this.#families;
    return {
      duration: rest.duration.with(...labels),
      firstToken: rest.firstToken.with(...labels),
      perToken: rest.perToken.with(...labels),
      betweenTokens: rest.betweenTokens.with(...labels),
      queue: rest.queue.with(...labels),
      prefill: rest.prefill.with(...labels),
      decode: rest.decode.with(...labels),
      promptTokens: rest.promptTokens.with(...labels),
      completionTokens: rest.completionTokens.with(...labels),
      cachedTokens: rest.cachedTokens.with(...labels),
      promptSize: rest.promptSize.with(...labels),
      completionSize: rest.completionSize.with(...labels),
      completed: requests.with(...labels, 'completed', ''),
      abandoned: requests.with(...labels, 'abandoned', ''),
    };
  }
}

/** Measures one call. */
class MeasuredCall implements CallObserver {
  readonly #metrics: RequestMetrics;
  readonly #call: InferenceCall;
  readonly #operation: string;
  #model = '';
  #provider = '';
  #series: ModelSeries | undefined;
  #firstAt = 0;
  #lastAt = 0;
  #usage: Usage | undefined;

  constructor(metrics: RequestMetrics, call: InferenceCall) {
    this.#metrics = metrics;
    this.#call = call;
    this.#operation = operationOf(call.request);
    metrics.begin();
  }

  event(event: InferenceEvent): void {
    switch (event.type) {
      case 'start':
        this.#model = event.model;
        this.#provider = event.provider;
        this.#series = this.#metrics.of(event.model, event.provider, this.#operation);
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'finish':
      case 'warning':
      case 'error':
        return;
      default: {
        const now = performance.now();
        if (this.#firstAt === 0) this.#firstAt = now;
        else this.#series?.betweenTokens.record((now - this.#lastAt) / 1000);
        this.#lastAt = now;
      }
    }
  }

  end(outcome: CallOutcome): void {
    this.#metrics.end();
    const series = this.#series;
    const { receivedAt } = this.#call;
    const code = outcome.status === 'failed' ? outcome.error.code : '';
    if (!series) return this.#metrics.unanswered(this.#operation, outcome.status, code);
    series.duration.record((performance.now() - receivedAt) / 1000);
    if (outcome.status === 'failed') this.#metrics.failed(this.#model, this.#provider, this.#operation, code);
    else series[outcome.status].add();
    if (this.#firstAt === 0) return;
    series.firstToken.record((this.#firstAt - receivedAt) / 1000);
    if (this.#usage) this.#count(series, this.#usage);
  }

  #count(series: ModelSeries, { promptTokens, completionTokens, cachedPromptTokens = 0, timings }: Usage): void {
    series.promptTokens.add(promptTokens);
    series.completionTokens.add(completionTokens);
    series.cachedTokens.add(cachedPromptTokens);
    if (promptTokens > 0) series.promptSize.record(promptTokens);
    if (completionTokens > 0) series.completionSize.record(completionTokens);
    if (timings) {
      if (timings.queueMs !== undefined) series.queue.record(timings.queueMs / 1000);
      series.prefill.record(timings.prefillMs / 1000);
      series.decode.record(timings.decodeMs / 1000);
    }
    if (completionTokens < 2) return;
    const decodeMs = timings?.decodeMs ?? this.#lastAt - this.#firstAt;
    series.perToken.record(decodeMs / 1000 / (completionTokens - 1));
  }
}

/** OBSERVABILITY: durations, tokens and outcomes of all calls, by model, provider and operation. */
export const metricsPhase = (registry: MetricRegistry): ObserverContribution => {
  const metrics = new RequestMetrics(registry);
  return { phase: 'OBSERVABILITY', name: 'golek.metrics', observe: (call) => new MeasuredCall(metrics, call) };
};
