import { z } from 'zod';
import { InferenceEvent } from './event.ts';
import { ErrorData } from './error-data.ts';
import { ModelManifest } from './model-manifest.ts';
import { Principal } from './principal.ts';
import { InferenceRequest } from './request.ts';
import { Usage } from './usage.ts';

const SCHEMAS = { InferenceRequest, InferenceEvent, ErrorData, ModelManifest, Principal, Usage };

/** The wire form of typed arrays in JSON: base64 of their little-endian bytes. */
const binary = (ctx: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  const def = ctx.zodSchema._zod.def;
  if (def.type !== 'custom') return;
  Object.assign(ctx.jsonSchema, { type: 'string' });
};

export type JsonSchemaName = keyof typeof SCHEMAS;

/** JSON Schema (draft 2020-12) of a canonical type, for other languages and for editors. */
export const jsonSchemaOf = (name: JsonSchemaName): z.core.JSONSchema.BaseSchema =>
  z.toJSONSchema(SCHEMAS[name], { unrepresentable: 'any', override: binary });

export const JSON_SCHEMA_NAMES = Object.keys(SCHEMAS) as readonly JsonSchemaName[];
