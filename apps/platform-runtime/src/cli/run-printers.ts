import type { InferenceEvent, InferenceResult } from '@golek/api';
import { styled } from './style.ts';
import { writeOut } from './write-out.ts';

/** How an answer is shown. */
export interface Printer {
  event(event: InferenceEvent): Promise<void>;
  end(result: InferenceResult): Promise<void>;
}

const note = (text: string): void => void process.stderr.write(`${styled(process.stderr, 'dim', text)}\n`);

const notes = (event: InferenceEvent): void => {
  if (event.type === 'warning') note(`golek: ${event.message}`);
  else if (event.type === 'finish' && event.reason === 'length') note('golek: the answer ended at a token limit');
};

/** The text as it comes. */
export const textPrinter: Printer = {
  event: async (event) => {
    if (event.type === 'text') await writeOut(event.text);
    if (event.type === 'finish') await writeOut('\n');
    notes(event);
  },
  end: async () => undefined,
};

/** The text when it is complete. */
export const wholePrinter: Printer = {
  event: async (event) => notes(event),
  end: async ({ choices }) => writeOut(`${choices[0]?.text ?? ''}\n`),
};

/** One JSON object a line: the events, then `{ "type": "result", … }`. */
export const jsonPrinter: Printer = {
  event: async (event) => writeOut(`${JSON.stringify(event)}\n`),
  end: async ({ model, provider, choices, warnings, usage }) =>
    writeOut(`${JSON.stringify({ type: 'result', model, provider, choices, warnings, usage })}\n`),
};
