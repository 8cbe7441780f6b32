import { GolekError, type FinishReason, type ToolCall } from '@golek/api';
import { isObjectText } from '../json-object-text.ts';

/**
 * The JSON of a finished call. The protocol has arguments as an object: the model's own text of it goes out, so that no number is rounded, in one line.
 * Undefined for a call that the limit of tokens has cut. Throws `provider_failed` for arguments that are no object otherwise.
 */
export const toolCallText = (
  { id, name, arguments: text }: ToolCall,
  index: number,
  finish: FinishReason,
): string | undefined => {
  const written = text === '' ? '{}' : text;
  if (isObjectText(written)) {
    const line = written.replaceAll(/[\r\n]+/g, ' ');
    return `{"id":${JSON.stringify(id)},"function":{"index":${index},"name":${JSON.stringify(name)},"arguments":${line}}}`;
  }
  if (finish === 'length') return undefined;
  throw new GolekError('provider_failed', `the model called the tool '${name}' with arguments that are no JSON object`);
};

export const cutCallWarning = (name: string): string =>
  `the call of the tool '${name}' is left out: the limit of tokens cut its arguments`;
