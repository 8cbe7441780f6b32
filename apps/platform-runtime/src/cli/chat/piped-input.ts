import { createInterface } from 'node:readline';
import type { ChatInput } from './chat-input.ts';
import { MessageLines } from './message-lines.ts';

/** Messages from a pipe or file, a line each. */
export const pipedInput = (): ChatInput => {
  const reader = createInterface({ input: process.stdin, crlfDelay: Infinity });
  const lines = reader[Symbol.asyncIterator]();
  const message = new MessageLines();
  return {
    next: async () => {
      for (;;) {
        const { done, value } = await lines.next();
        if (done) return message.end();
        const complete = message.add(value);
        if (complete !== undefined) return complete;
      }
    },
    answering: () => undefined,
    answered: () => undefined,
    [Symbol.dispose]: () => reader.close(),
  };
};
