import { hash } from 'node:crypto';
import type { ModelManifest } from '@golek/api';
import { z } from 'zod';

export const ModelDetails = z
  .strictObject({
    parent_model: z.string(),
    format: z.string(),
    family: z.string(),
    families: z.array(z.string()).nullable(),
    parameter_size: z.string(),
    quantization_level: z.string(),
  })
  .meta({ id: 'OllamaModelDetails', description: 'Empty where it is not known.' });

const SIZES: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
];

/** @example parameterSize(7_240_000_000); // '7.2B' */
export const parameterSize = (count: number): string => {
  const [unit, letter] = SIZES.find(([size]) => count >= size) ?? [1, ''];
  const scaled = count / unit;
  return `${unit === 1 || scaled >= 100 ? Math.round(scaled) : Math.round(scaled * 10) / 10}${letter}`;
};

export const modelDetails = ({
  format = '',
  architecture,
  parameterCount,
  quantization = '',
}: ModelManifest): z.infer<typeof ModelDetails> => ({
  parent_model: '',
  format,
  family: architecture ?? '',
  families: architecture === undefined ? null : [architecture],
  parameter_size: parameterCount === undefined ? '' : parameterSize(parameterCount),
  quantization_level: quantization,
});

/** Identifies what is known of a model, as Ollama's identifies its manifest: SHA-256, hexadecimal. It changes with the model's file or settings. */
export const modelDigest = (manifest: ModelManifest): string => hash('sha256', JSON.stringify(manifest));

/** RFC 3339 of Unix seconds. */
export const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();
