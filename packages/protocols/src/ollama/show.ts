import type { ModelManifest } from '@golek/api';
import { z } from 'zod';
import { ModelName } from '../openai/common-fields.ts';
import { invalid, parseBody } from '../request-body/parse-body.ts';
import { refused } from '../request-body/refusals.ts';
import { ModelDetails, modelDetails, timeOf } from './model-details.ts';

/** The body of POST /api/show. */
export const ShowRequest = z
  .strictObject({
    model: ModelName.nullish(),
    name: ModelName.nullish().describe("Older name of 'model'."),
    verbose: z.boolean().nullish().describe('Changes nothing: everything known is told.'),
    system: refused('a model has no parameters to be tried here; leave it out'),
    template: refused('a model has no parameters to be tried here; leave it out'),
    options: refused('a model has no parameters to be tried here; leave it out'),
  })
  .meta({ id: 'OllamaShowRequest' });

const Capability = z.enum(['completion', 'embedding', 'tools', 'vision', 'insert', 'thinking']);

/** The answer of POST /api/show: what is known of the model. */
export const ShowResponse = z
  .strictObject({
    license: z.string().exactOptional(),
    modified_at: z.iso.datetime(),
    details: ModelDetails,
    model_info: z.record(z.string(), z.unknown()),
    capabilities: z.array(Capability),
  })
  .meta({ id: 'OllamaShowResponse' });

/** Reads a body. Throws `invalid_request` and `unknown_parameter`, with the parameter in `details.path`. @returns the name that is asked for. */
export const readShowRequest = (json: unknown): string => {
  const body = parseBody(ShowRequest, json);
  const name = body.model ?? body.name;
  if (name == null) throw invalid('model', "'model' is missing: name the model to be shown");
  return name;
};

const CAPABILITIES: readonly (readonly [z.infer<typeof Capability>, readonly string[]])[] = [
  ['tools', ['tools']],
  ['vision', ['input.image']],
  ['insert', ['suffix']],
  ['thinking', ['reasoning.enabled', 'reasoning.effort']],
];

/** `options`: what of requests the model takes, as far as it is known. */
export const showResponse = (
  manifest: ModelManifest,
  { options = [], contextLength = manifest.contextLength }: ShownCapabilities,
): z.infer<typeof ShowResponse> => {
  const { architecture, parameterCount, embeddingLength, license, tasks, created } = manifest;
  const own = architecture ?? 'general';
  return {
    ...(license !== undefined && { license }),
    modified_at: timeOf(created),
    details: modelDetails(manifest),
    model_info: {
      ...(architecture !== undefined && { 'general.architecture': architecture }),
      ...(parameterCount !== undefined && { 'general.parameter_count': parameterCount }),
      ...(contextLength !== undefined && { [`${own}.context_length`]: contextLength }),
      ...(embeddingLength !== undefined && { [`${own}.embedding_length`]: embeddingLength }),
    },
    capabilities: [
      ...(tasks.includes('generate') ? (['completion'] as const) : []),
      ...(tasks.includes('embed') ? (['embedding'] as const) : []),
      ...CAPABILITIES.flatMap(([name, any]) => (any.some((option) => options.includes(option)) ? [name] : [])),
    ],
  };
};

/** What an open model can do; else what its manifest says. */
export interface ShownCapabilities {
  readonly options?: readonly string[] | undefined;
  readonly contextLength?: number | undefined;
}
