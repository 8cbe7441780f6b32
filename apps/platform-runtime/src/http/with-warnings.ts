import type { InferenceEvent } from '@golek/api';

/** The same events with warnings behind the first. */
export const withWarnings = (
  events: AsyncIterable<InferenceEvent>,
  messages: readonly string[],
): AsyncIterable<InferenceEvent> => (messages.length === 0 ? events : warned(events, messages));

async function* warned(
  events: AsyncIterable<InferenceEvent>,
  messages: readonly string[],
): AsyncGenerator<InferenceEvent, void, undefined> {
  for await (const event of events) {
    yield event;
    if (event.type !== 'start') continue;
    for (const message of messages) yield { type: 'warning', message };
  }
}
