import { GolekError, type InferenceEvent } from '@golek/api';
import type { StreamEncoder } from '@golek/protocols/openai';
import { EventStream, type EventStreamLimits } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import type { StreamForm } from './wire-form.ts';

/**
 * Streams the events of a run to the client. A failure before the first byte is thrown; a later one is told in the stream, which then ends
 * without its mark of success. A client that asked for a stream it can go on with gets one.
 */
export const answerStream = async (
  exchange: Exchange,
  events: AsyncIterable<InferenceEvent>,
  encoder: StreamEncoder,
  form: StreamForm,
  limits: EventStreamLimits,
): Promise<void> => {
  if (exchange.keeper) return exchange.keeper.answer(exchange, events, encoder, form);
  const stream = new EventStream(exchange, limits, form);
  try {
    for await (const event of events) {
      const text = encoder.encode(event);
      if (text === '') continue;
      stream.write(text);
      if (stream.blocked) await stream.drained();
    }
    stream.end(encoder.end());
  } catch (thrown) {
    const error = GolekError.from(thrown);
    // Ends what the run may still have in progress beside the event that failed.
    exchange.abort(error);
    if (!stream.started) throw thrown;
    stream.end(form.error(error, exchange.params, exchange.id));
  } finally {
    stream.dispose();
  }
};
