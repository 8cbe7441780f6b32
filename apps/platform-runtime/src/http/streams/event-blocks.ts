const END = '\n\n';

/** Server-sent events out of an encoder's text: one block each. Remarks (`: …`) go with the event that follows them, since they have no place of their own to go on from. */
export class EventBlocks {
  #remarks = '';

  /** The events that the text completes; `id` makes the line of the next one. */
  take(text: string, id: () => string): string[] {
    const events: string[] = [];
    for (let at = 0; at < text.length;) {
      const found = text.indexOf(END, at);
      const end = found < 0 ? text.length : found + END.length;
      const block = text.slice(at, end);
      at = end;
      if (block.startsWith(':')) this.#remarks += block;
      else {
        // Behind the remarks: a line of its own with an id would count as received before its event is.
        events.push(this.#remarks + id() + block);
        this.#remarks = '';
      }
    }
    return events;
  }
}
