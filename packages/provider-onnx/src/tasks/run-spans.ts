import {
  childSpan,
  GolekError,
  type InferenceEvent,
  type RunContext,
  type SpanData,
  type Usage,
} from '@golek/providers-spi';

interface Piece {
  readonly name: string;
  /** Milliseconds of `performance.now()`. */
  readonly from: number;
  readonly to: number;
  readonly attributes: SpanData['attributes'];
}

/**
 * The same events; when they have ended, whoever asked for spans gets those of the run: `queue`, `prefill` and `decode` where its usage has their times, else one called
 * as its task.
 */
export const traced = (
  task: string,
  events: AsyncIterable<InferenceEvent>,
  context: RunContext,
): AsyncIterable<InferenceEvent> =>
  context.onSpan && context.traceparent !== undefined ? recorded(task, events, context) : events;

const recorded = async function* (
  task: string,
  events: AsyncIterable<InferenceEvent>,
  context: RunContext,
): AsyncGenerator<InferenceEvent, void> {
  const from = performance.now();
  let usage: Usage | undefined;
  let error: GolekError | undefined = new GolekError('cancelled', 'the consumer stopped reading');
  try {
    for await (const event of events) {
      if (event.type === 'usage') usage = event.usage;
      yield event;
    }
    error = undefined;
  } catch (thrown) {
    error = GolekError.from(thrown);
    throw thrown;
  } finally {
    for (const piece of piecesOf(task, from, performance.now(), usage)) context.onSpan?.(spanOf(context, piece, error));
  }
};

const piecesOf = (task: string, from: number, to: number, usage: Usage | undefined): readonly Piece[] => {
  const input: SpanData['attributes'] = usage ? { 'gen_ai.usage.input_tokens': usage.promptTokens } : {};
  const { timings } = usage ?? {};
  if (!timings) return [{ name: task, from, to, attributes: input }];
  const started = from + (timings.queueMs ?? 0);
  const first = started + timings.prefillMs;
  const output = { 'gen_ai.usage.output_tokens': usage?.completionTokens ?? 0 };
  return [
    { name: 'queue', from, to: started, attributes: {} },
    { name: 'prefill', from: started, to: first, attributes: input },
    { name: 'decode', from: first, to: first + timings.decodeMs, attributes: output },
  ];
};

const spanOf = (
  { traceparent = '' }: RunContext,
  { name, from, to, attributes }: Piece,
  error: GolekError | undefined,
): SpanData =>
  childSpan(traceparent, {
    name,
    startTime: performance.timeOrigin + from,
    endTime: performance.timeOrigin + to,
    attributes: { 'process.pid': process.pid, ...attributes },
    error,
  });
