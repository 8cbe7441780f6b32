import { GolekError } from '@golek/api';
import { invalid } from '../../request-body/parse-body.ts';
import type { ContentParam, MessageParam, MessagePart, ResponseInput } from './input-params.ts';
import type { AssistantContent, ConversationItem, InputPart } from './items.ts';

/** `path`: where the part stands. */
const inputPart = (part: ContentParam, path: string): InputPart => {
  if (part.type === 'input_text') return { type: 'input_text', text: part.text };
  const { type, image_url, file_id } = part;
  const detail = 'auto';
  if (image_url != null && file_id == null) return { type, image_url, file_id: null, detail };
  if (file_id != null && image_url == null) return { type, image_url: null, file_id, detail };
  throw invalid(path, `'${path}' needs either 'image_url' or 'file_id'`);
};

const promptContent = (content: string | readonly MessagePart[], path: string): InputPart[] => {
  if (typeof content === 'string') return [{ type: 'input_text', text: content }];
  return content.map((part, index) => {
    const place = `${path}.content[${index}]`;
    if (part.type === 'input_text' || part.type === 'input_image') return inputPart(part, place);
    const at = `${place}.type`;
    throw invalid(at, `'${at}' is '${part.type}', which is for messages of the assistant; send 'input_text'`);
  });
};

const outputText = (text: string): AssistantContent[number] => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs: [],
});

const assistantContent = (content: string | readonly MessagePart[], path: string): AssistantContent => {
  if (typeof content === 'string') return [outputText(content)];
  return content.map((part, index) => {
    if (part.type === 'refusal') return { type: 'refusal', refusal: part.refusal };
    if (part.type !== 'input_image') return outputText(part.text);
    const at = `${path}.content[${index}].type`;
    throw invalid(at, `'${at}' is 'input_image', which assistants have not; send it as a message of the user`);
  });
};

const messageItem = ({ role, content, status, phase }: MessageParam, id: string, path: string): ConversationItem =>
  role === 'assistant'
    ? {
        type: 'message',
        id,
        role,
        status: status ?? 'completed',
        content: assistantContent(content, path),
        ...(phase != null && { phase }),
      }
    : { type: 'message', id, role, status: 'completed', content: promptContent(content, path) };

/** Finds a kept item. */
export type ItemLookup = (id: string) => ConversationItem | undefined;

/** The items of a request as they are kept, each with an id: its own, or one made of `key`. Throws `not_found` for a reference to an item that is not kept. */
export const conversationItems = (input: ResponseInput, key: string, lookUp: ItemLookup): ConversationItem[] => {
  if (input == null) return [];
  const params = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : input;
  return params.map((param, index): ConversationItem => {
    const idOf = (prefix: string): string => param.id ?? `${prefix}_${key}_in${index}`;
    switch (param.type) {
      case undefined:
      case 'message':
        return messageItem(param, idOf('msg'), `input[${index}]`);
      case 'function_call': {
        const { type, call_id, name, namespace, arguments: text, status } = param;
        return {
          type,
          id: idOf('fc'),
          call_id,
          name,
          ...(namespace != null && { namespace }),
          arguments: text,
          status: status ?? 'completed',
        };
      }
      case 'function_call_output': {
        const { type, call_id, output, status } = param;
        return {
          type,
          id: idOf('fco'),
          call_id,
          output:
            typeof output === 'string'
              ? output
              : output.map((part, place) => inputPart(part, `input[${index}].output[${place}]`)),
          status: status ?? 'completed',
        };
      }
      case 'reasoning': {
        const { type, summary, content, encrypted_content: proof, status } = param;
        return {
          type,
          id: idOf('rs'),
          summary: summary ?? [],
          content: content ?? [],
          ...(proof != null && { encrypted_content: proof }),
          status: status ?? 'completed',
        };
      }
      case 'item_reference': {
        const item = lookUp(param.id);
        if (item) return item;
        throw new GolekError(
          'not_found',
          `no item '${param.id}' is kept: it was never stored, or its response was deleted or has expired; send the item itself`,
          { details: { path: `input[${index}].id` } },
        );
      }
    }
  });
};
