import type { InferenceEvent } from '@golek/api';
import type { StreamTransform } from '@golek/plugins-api';
import type { Questions } from '../messages.ts';
import type { PluginParts } from './plugin-parts.ts';

/** The answers that the plugin's stream transforms are at work on. */
export class OpenStreams {
  readonly #parts: PluginParts;
  readonly #open = new Map<number, StreamTransform>();

  constructor(parts: PluginParts) {
    this.#parts = parts;
  }

  async pass({ stream, open, events, end }: Questions['events']['argument']): Promise<readonly InferenceEvent[]> {
    if (open) {
      const made = this.#parts.transform(open.transform);
      if (!made.stream) throw new TypeError(`transform '${made.name}' changes no events`);
      this.#open.set(stream, made.stream(open.request, open.context));
    }
    const transform = this.#open.get(stream);
    if (!transform) throw new TypeError('the answer is not known to this process any more');
    const out: InferenceEvent[] = [];
    for (const event of events) out.push(...(await transform.event(event)));
    if (end) {
      this.#open.delete(stream);
      out.push(...((await transform.end?.()) ?? []));
    }
    return out;
  }

  close(stream: number): void {
    this.#open.delete(stream);
  }
}
