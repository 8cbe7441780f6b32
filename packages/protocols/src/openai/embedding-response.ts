import { endianness } from 'node:os';
import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { EmbeddingCall } from './embedding-request.ts';

/** The answer of POST /v1/embeddings. A vector is an array of numbers or the base64 of little-endian 32-bit floats. */
export const EmbeddingResponse = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(
      z.strictObject({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z
      .strictObject({ prompt_tokens: z.int(), total_tokens: z.int() })
      .exactOptional()
      .describe('Absent where the provider counts no tokens (Triton).'),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'EmbeddingResponse' });
export type EmbeddingResponse = z.infer<typeof EmbeddingResponse>;

const LITTLE_ENDIAN = endianness() === 'LE';

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array): string => {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  return (LITTLE_ENDIAN ? bytes : Buffer.from(bytes).swap32()).toString('base64');
};

/** Throws `provider_failed` when a vector is missing. */
export const embeddingResponse = (result: InferenceResult, { request, encoding }: EmbeddingCall): EmbeddingResponse => {
  const { embeddings, usage, warnings, model } = result;
  const data = request.inputs.map((_input, index) => {
    const vector = embeddings[index];
    if (!vector) {
      throw new GolekError(
        'provider_failed',
        `the provider gave no vector for input ${index} of ${request.inputs.length}`,
      );
    }
    return {
      object: 'embedding' as const,
      index,
      embedding: encoding === 'base64' ? base64(vector) : Array.from(vector),
    };
  });
  return {
    object: 'list',
    data,
    model,
    ...(usage && { usage: { prompt_tokens: usage.promptTokens, total_tokens: usage.promptTokens } }),
    ...(warnings.length > 0 && { warnings }),
  };
};
