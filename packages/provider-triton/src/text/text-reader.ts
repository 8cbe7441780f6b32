import { tensorValues, type ElementValue } from '@golek/protocols/tensors';
import { GolekError, type FinishReason, type InferenceEvent, type NamedTensor } from '@golek/providers-spi';

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  end_id: 'stop',
  stop_words: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  content_filter: 'content-filter',
};

/** Ends that are failures: the answer is not whole (vLLM). */
const FAILURES = new Set(['abort', 'error']);

/** Reads the answers of a text model: their texts join to one; reason and counts are given where the model tells them. */
export class TextReader {
  #answers = 0;
  #reason: string | undefined;
  /** The server has a place for a reason, which is empty until the end. */
  #tellsReason = false;
  #promptTokens: number | undefined;
  #completionTokens: number | undefined;

  /** Adds the events of one answer. */
  read(outputs: readonly NamedTensor[], events: InferenceEvent[]): void {
    for (const tensor of outputs) this.#note(tensor.name, tensorValues(tensor), events);
  }

  /** The same for outputs that came as fields of JSON. */
  readFields(fields: Readonly<Record<string, unknown>>, events: InferenceEvent[]): void {
    for (const [name, value] of Object.entries(fields)) {
      const values = Array.isArray(value) ? (value as unknown[]) : [value];
      this.#note(
        name,
        values.filter((one): one is ElementValue => one !== null && typeof one !== 'object'),
        events,
      );
    }
  }

  /** True when it is known why the answer ended. */
  get hasReason(): boolean {
    return this.#reason !== undefined;
  }

  /** After the last answer. Throws `provider_failed` where there was none, and for one that was cut. */
  end(events: InferenceEvent[]): void {
    if (this.#answers === 0) throw new GolekError('provider_failed', "the server gave no 'text_output'");
    if (this.#tellsReason && this.#reason === undefined)
      throw new GolekError('provider_failed', "the server ended its answer before its 'finish_reason' came");
    if (this.#reason !== undefined && FAILURES.has(this.#reason))
      throw new GolekError('provider_failed', `the server ended its answer with the finish reason '${this.#reason}'`);
    const reason = this.#reason === undefined ? undefined : REASONS[this.#reason];
    if (!reason) {
      const told =
        this.#reason === undefined
          ? 'does not tell why the answer ended'
          : `says that the answer ended with '${this.#reason.slice(0, 64)}'`;
      events.push({ type: 'warning', message: `the server ${told}; it is taken for complete` });
    }
    events.push({ type: 'finish', choice: 0, reason: reason ?? 'stop' });
    if (this.#promptTokens === undefined || this.#completionTokens === undefined) return;
    events.push({
      type: 'usage',
      usage: { promptTokens: this.#promptTokens, completionTokens: this.#completionTokens },
    });
  }

  #note(name: string, values: readonly ElementValue[], events: InferenceEvent[]): void {
    switch (name) {
      case 'text_output': {
        this.#answers++;
        const text = values.join('');
        if (text !== '') events.push({ type: 'text', choice: 0, text });
        break;
      }
      case 'finish_reason': {
        const last = values.at(-1);
        this.#tellsReason = true;
        if (typeof last === 'string' && last !== '' && last !== 'None' && last !== 'null') this.#reason = last;
        break;
      }
      case 'num_input_tokens':
        this.#promptTokens = Number(values[0]);
        break;
      case 'num_output_tokens':
        // Of each piece of a stream: those in it.
        this.#completionTokens = values.reduce<number>(
          (sum, count) => sum + Number(count),
          this.#completionTokens ?? 0,
        );
        break;
    }
  }
}
