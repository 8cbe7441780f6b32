import { asList, asObject, asText } from '@golek/providers-spi/remote';

/** Text of a content that may be a string or a list of parts. */
export const readContent = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return asText(
    asList(value)
      .map((part) => asText(asObject(part)?.['text']) ?? '')
      .join(''),
  );
};

/** What was thought, where it stands as a part of the content (Mistral). */
export const readThinking = (value: unknown): string | undefined =>
  Array.isArray(value)
    ? asText(
        asList(value)
          .map((part) => readContent(asObject(part)?.['thinking']) ?? '')
          .join(''),
      )
    : undefined;
