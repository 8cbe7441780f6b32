import { GolekError, textOf, type GenerateRequest } from '../index.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Tokens of a fake model's prompts: the bytes of the UTF-8 text, so that any text survives the way there and back. */
export const tokenize = (text: string): number[] => Array.from(encoder.encode(text));

/** Text of byte tokens. Throws `invalid_request` for a number above 255. */
export const detokenize = (tokens: readonly number[]): string => {
  const stranger = tokens.find((token) => token > 255);
  if (stranger !== undefined) {
    throw new GolekError('invalid_request', `token ${stranger} is outside the fake vocabulary of 256 bytes`);
  }
  return decoder.decode(Uint8Array.from(tokens));
};

/** Number of tokens of a text or token list. */
export const countTokens = (input: string | readonly number[]): number =>
  typeof input === 'string' ? Buffer.byteLength(input) : input.length;

/** The prompt as one text: messages joined with line breaks. */
export const promptText = ({ input }: Pick<GenerateRequest, 'input'>): string => {
  if (input.type === 'chat') return input.messages.map((message) => textOf(message.content)).join('\n');
  return typeof input.prompt === 'string' ? input.prompt : detokenize(input.prompt);
};
