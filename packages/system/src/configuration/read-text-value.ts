import type { JsonSchemaNode } from './config-key.ts';

export type TextValue = { readonly value: unknown } | { readonly refused: true };

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WORDS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false, yes: true, no: false };
const REFUSED: TextValue = { refused: true };

const fromJson = (text: string): TextValue => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return REFUSED;
  }
};

/**
 * Reads the text of an environment variable or flag as the type that a key takes. Lists of texts and numbers are separated by commas; lists and maps of
 * anything may be JSON. Whether the value is in range is checked later, by the schema.
 */
export const readTextValue = (text: string, json: JsonSchemaNode): TextValue => {
  if (json.anyOf) {
    const branches = json.anyOf.toSorted((a, b) => Number(a.type === 'string') - Number(b.type === 'string'));
    return branches.map((branch) => readTextValue(text, branch)).find((read) => 'value' in read) ?? REFUSED;
  }
  switch (json.type) {
    case 'integer':
    case 'number':
      return NUMBER.test(text.trim()) ? { value: Number(text) } : REFUSED;
    case 'boolean': {
      const value = WORDS[text.trim().toLowerCase()];
      return value === undefined ? REFUSED : { value };
    }
    case 'array': {
      if (text.trim().startsWith('[')) return fromJson(text);
      const items = text.split(',').map((item) => readTextValue(item.trim(), (json.items ?? {}) as JsonSchemaNode));
      return items.every((item) => 'value' in item) ? { value: items.map(({ value }) => value) } : REFUSED;
    }
    case 'object':
      return fromJson(text);
    case 'null':
      return text === 'null' ? { value: null } : REFUSED;
    default:
      return { value: text };
  }
};
