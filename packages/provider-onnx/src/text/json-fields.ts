/** An object of somebody else's JSON file, of which nothing is certain. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): JsonObject | undefined => (isObject(value) ? value : undefined);

export const textField = (object: JsonObject | undefined, key: string): string | undefined => {
  const value = object?.[key];
  return typeof value === 'string' ? value : undefined;
};

/** A finite number. */
export const numberField = (object: JsonObject | undefined, key: string): number | undefined => {
  const value = object?.[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

/** A whole number of at least 0. */
export const countField = (object: JsonObject | undefined, key: string): number | undefined => {
  const value = numberField(object, key);
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
};
