/** Fields that may be absent: OpenAI's clients send null where they mean nothing. */
type Absent<T> = { readonly [K in keyof T]: T[K] | null | undefined };

/** The fields that have a value; undefined when there is none. */
export const present = <T extends object>(fields: Absent<Required<T>>): T | undefined => {
  const result: Partial<T> = {};
  let any = false;
  for (const key in fields) {
    const value = fields[key];
    if (value === null || value === undefined) continue;
    result[key] = value;
    any = true;
  }
  return any ? (result as T) : undefined;
};
