import { GolekError } from '@golek/api';

/** A place in a stream: the last event that a client has. */
export interface EventPlace {
  readonly stream: string;
  readonly event: number;
}

/** An id of the server's, a colon and a number. */
const PLACE = /^([\w.:/+=@-]{1,128}):(\d{1,9})$/;

/** Reads `Last-Event-ID`. Throws `invalid_request` for what is no id of an event here. */
export const eventPlace = (header: string | string[] | undefined): EventPlace | undefined => {
  if (header === undefined) return undefined;
  const text = String(header).trim();
  const [, stream, number] = PLACE.exec(text) ?? [];
  if (stream === undefined || number === undefined) {
    throw new GolekError(
      'invalid_request',
      `the header last-event-id is '${text.slice(0, 80)}'; send the id of the last event of the stream that arrived whole, such as 'req_1:42'`,
      { details: { path: 'last-event-id' } },
    );
  }
  return { stream, event: Number(number) };
};
