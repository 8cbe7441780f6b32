import type { InferenceEvent } from '@golek/api';

/** A stream of these events. */
export async function* eventsFrom(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent, void, undefined> {
  yield* events;
}
