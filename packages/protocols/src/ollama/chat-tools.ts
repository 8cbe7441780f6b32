import { JsonSchema, type Tool } from '@golek/api';
import { z } from 'zod';

const OllamaTool = z
  .strictObject({
    type: z.literal('function').nullish(),
    function: z.strictObject({
      name: z.string().min(1).max(128),
      description: z.string().nullish(),
      parameters: JsonSchema.nullish(),
      strict: z.boolean().nullish(),
    }),
  })
  .meta({ id: 'OllamaTool' });

export const Tools = z.array(OllamaTool).nullish();

export const readTools = (tools: z.output<typeof Tools>): Tool[] =>
  (tools ?? []).map(({ function: { name, description, parameters, strict } }) => ({
    name,
    ...(description != null && { description }),
    ...(parameters != null && { parameters }),
    ...(strict != null && { strict }),
  }));
