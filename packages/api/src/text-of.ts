import type { ContentPart } from './content.ts';

/** The text of a message's content, its text parts joined. */
export const textOf = (content: readonly ContentPart[]): string => {
  if (content.length === 1 && content[0]?.type === 'text') return content[0].text;
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
};
