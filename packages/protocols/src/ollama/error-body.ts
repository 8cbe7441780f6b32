import { ERROR_CODES, type GolekError } from '@golek/api';
import { z } from 'zod';
import { wireMessage, type WireParams } from '../openai/wire-params.ts';

/** Ollama's error object; `code`, a code of Golek's catalogue, is an extension. */
export const ErrorBody = z
  .strictObject({ error: z.string(), code: z.enum(ERROR_CODES as [string, ...string[]]) })
  .meta({ id: 'OllamaError' });

export const errorBody = (error: GolekError, params: WireParams = {}): z.infer<typeof ErrorBody> => ({
  error: wireMessage(error, params),
  code: error.code,
});

/** The last line of a stream that fails after it has begun. */
export const errorLine = (error: GolekError, params: WireParams = {}): string =>
  `${JSON.stringify(errorBody(error, params))}\n`;
