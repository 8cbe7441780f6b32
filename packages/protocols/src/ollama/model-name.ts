const LATEST = ':latest';

/** The name here of a model that a client asks for: Ollama's clients add `:latest` to a name without a tag. */
export const localName = (name: string, isKnown: (name: string) => boolean): string => {
  if (isKnown(name) || !name.endsWith(LATEST)) return name;
  const bare = name.slice(0, -LATEST.length);
  return isKnown(bare) ? bare : name;
};
