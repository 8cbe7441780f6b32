import { z } from 'zod';
import { configurationKeys, type JsonSchemaNode } from './config-key.ts';
import type { ConfigSection } from './config-section.ts';
import { tenantsConfig } from './tenants-config.ts';

/** JSON Schema (draft 2020-12) of the configuration file, for editors. Beside the standard's words: `live`, `overridable` and `secret`. */
export const configurationJsonSchema = (sections: readonly ConfigSection[]): z.core.JSONSchema.BaseSchema => {
  const shape = Object.fromEntries(sections.map(({ name, schema }) => [name, schema.optional()]));
  const json = z.toJSONSchema(z.strictObject(shape), { io: 'input', unrepresentable: 'any' });
  const tenants = json.properties?.[tenantsConfig.name];
  if (sections.includes(tenantsConfig) && typeof tenants === 'object') {
    const own = configurationKeys(sections).filter(({ overridable }) => overridable.includes('tenant'));
    tenants.additionalProperties = {
      type: 'object',
      properties: Object.fromEntries(own.map((key) => [key.key, withoutDefault(key.json)])),
      additionalProperties: false,
    };
  }
  return json;
};

/** A tenant without the key has the value of everybody. */
const withoutDefault = ({ default: _everybody, ...json }: JsonSchemaNode): JsonSchemaNode => json;
