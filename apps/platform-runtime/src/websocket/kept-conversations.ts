import type { OpenRound } from '@golek/protocols/websocket';

export interface ConversationLimits {
  readonly maxConversations: number;
  readonly maxConversationBytes: number;
  readonly conversationMs: number;
}

/** A conversation that waits for tool results, and what it holds. */
export interface KeptConversation {
  readonly round: OpenRound;
  readonly bytes: number;
}

/** The conversations of one socket that wait for tool results: few, small and for a while. The oldest makes room for a new one. */
export class KeptConversations {
  readonly #limits: ConversationLimits;
  readonly #kept = new Map<string, KeptConversation & { readonly timer: NodeJS.Timeout }>();
  #bytes = 0;
  #closed = false;

  constructor(limits: ConversationLimits) {
    this.#limits = limits;
  }

  get(id: string): KeptConversation | undefined {
    return this.#kept.get(id);
  }

  /** @returns false when it alone is too large, and after `close`. */
  keep(id: string, conversation: KeptConversation): boolean {
    const { maxConversations, maxConversationBytes, conversationMs } = this.#limits;
    this.drop(id);
    if (this.#closed || conversation.bytes > maxConversationBytes || maxConversations === 0) return false;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < maxConversations && this.#bytes + conversation.bytes <= maxConversationBytes) break;
      this.drop(oldest);
    }
    const timer = setTimeout(() => this.drop(id), conversationMs);
    this.#kept.set(id, { ...conversation, timer });
    this.#bytes += conversation.bytes;
    return true;
  }

  drop(id: string): void {
    const kept = this.#kept.get(id);
    if (!kept) return;
    clearTimeout(kept.timer);
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
  }

  close(): void {
    this.#closed = true;
    for (const id of this.#kept.keys()) this.drop(id);
  }
}
