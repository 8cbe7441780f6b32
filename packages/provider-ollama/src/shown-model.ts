import { asCount, asList, asObject, asText, type JsonObject } from '@golek/providers-spi/remote';
import type { ModelManifest } from '@golek/providers-spi';

/** What a server says of a model (POST /api/show). */
export interface ShownModel {
  /** Ollama's names: `completion`, `embedding`, `tools`, `vision`, `insert`, `thinking`. Absent: an older server does not say. */
  readonly capabilities: readonly string[] | undefined;
  /** Tokens that it is loaded with, where its Modelfile says so. */
  readonly loadedContext: number | undefined;
  readonly manifest: Partial<ModelManifest>;
}

/** `model_info` names most keys after the architecture. */
const bySuffix = (info: JsonObject | undefined, suffix: string): number | undefined => {
  const architecture = asText(info?.['general.architecture']);
  const exact = architecture === undefined ? undefined : asCount(info?.[`${architecture}.${suffix}`]);
  if (exact !== undefined || !info) return exact;
  const key = Object.keys(info).find((name) => name.endsWith(`.${suffix}`));
  return key === undefined ? undefined : asCount(info[key]);
};

/** Parameters come as the lines of a Modelfile. */
const loadedContextOf = (parameters: unknown): number | undefined => {
  const found = typeof parameters === 'string' ? /^num_ctx\s+"?(\d{1,9})"?\s*$/m.exec(parameters)?.[1] : undefined;
  return found === undefined ? undefined : asCount(Number(found));
};

export const readShown = (json: unknown): ShownModel => {
  const shown = asObject(json);
  const details = asObject(shown?.['details']);
  const info = asObject(shown?.['model_info']);
  const known = shown?.['capabilities'];
  const format = asText(details?.['format']);
  const architecture = asText(info?.['general.architecture']) ?? asText(details?.['family']);
  const quantization = asText(details?.['quantization_level']);
  const parameterCount = asCount(info?.['general.parameter_count']);
  const contextLength = bySuffix(info, 'context_length');
  const embeddingLength = bySuffix(info, 'embedding_length');
  const license = asText(info?.['general.license']);
  return {
    capabilities: Array.isArray(known) ? asList(known).flatMap((name) => asText(name) ?? []) : undefined,
    loadedContext: loadedContextOf(shown?.['parameters']),
    manifest: {
      ...(format !== undefined && { format }),
      ...(architecture !== undefined && { architecture }),
      ...(quantization !== undefined && { quantization }),
      ...(parameterCount !== undefined && { parameterCount }),
      ...(contextLength !== undefined && { contextLength }),
      ...(embeddingLength !== undefined && { embeddingLength }),
      ...(license !== undefined && { license }),
    },
  };
};
