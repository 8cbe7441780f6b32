import type { Usage } from '@golek/providers-spi';
import { asCount, asObject } from '@golek/providers-spi/remote';

/** Gathers token counts: `message_start` tells those of the prompt, `message_delta` all that are known then. */
export class MessageUsage {
  #input: number | undefined;
  #output = 0;
  #cacheRead: number | undefined;
  #cacheWrite: number | undefined;
  #thinking: number | undefined;

  read(value: unknown): void {
    const usage = asObject(value);
    if (!usage) return;
    this.#input = asCount(usage['input_tokens']) ?? this.#input;
    this.#output = asCount(usage['output_tokens']) ?? this.#output;
    this.#cacheRead = asCount(usage['cache_read_input_tokens']) ?? this.#cacheRead;
    this.#cacheWrite = asCount(usage['cache_creation_input_tokens']) ?? this.#cacheWrite;
    this.#thinking = asCount(asObject(usage['output_tokens_details'])?.['thinking_tokens']) ?? this.#thinking;
  }

  /** Undefined where the upstream tells nothing of the prompt. */
  get usage(): Usage | undefined {
    if (this.#input === undefined) return undefined;
    return {
      // The wire's input is what neither came from a cache nor went into one.
      promptTokens: this.#input + (this.#cacheRead ?? 0) + (this.#cacheWrite ?? 0),
      completionTokens: this.#output,
      ...(this.#cacheRead !== undefined && { cachedPromptTokens: this.#cacheRead }),
      ...(this.#cacheWrite !== undefined && { cacheWritePromptTokens: this.#cacheWrite }),
      ...(this.#thinking !== undefined && { reasoningTokens: this.#thinking }),
    };
  }
}
