import { z } from 'zod';
import { parseBody } from '../request-body/parse-body.ts';
import { OllamaMessage, readMessages } from './chat-messages.ts';
import { readTools, Tools } from './chat-tools.ts';
import {
  answerFields,
  contextWarnings,
  ModelName,
  readFormat,
  readLogprobs,
  readThink,
  readUse,
} from './common-fields.ts';
import type { LifeCall, RunCall } from './model-call.ts';
import { readOptions } from './model-options.ts';
import { CHAT_PARAMS } from './wire-params.ts';

/** The body of POST /api/chat. */
export const ChatRequest = z
  .strictObject({
    model: ModelName,
    messages: z.array(OllamaMessage).nullish().describe('None: the model is loaded, or unloaded with `keep_alive` 0.'),
    tools: Tools,
    ...answerFields,
  })
  .meta({ id: 'OllamaChatRequest' });

/** Reads a body. Throws `invalid_request`, `unknown_parameter` or `unsupported`, with the parameter in `details.path`. */
export const readChatRequest = (json: unknown): RunCall | LifeCall => {
  const body = parseBody(ChatRequest, json);
  const use = { ...readUse(body, CHAT_PARAMS), stream: body.stream ?? true };
  if (!body.messages || body.messages.length === 0) return { kind: 'life', ...use };
  const { warnings, ...options } = readOptions(body.options);
  const output = readFormat(body.format);
  const tools = readTools(body.tools);
  const reasoning = readThink(body.think);
  const logprobs = readLogprobs(body);
  return {
    kind: 'run',
    ...use,
    request: {
      task: 'generate',
      model: body.model,
      input: {
        type: 'chat',
        messages: readMessages(body.messages),
        ...(tools.length > 0 && { tools }),
        ...(reasoning && { reasoning }),
      },
      ...options,
      ...(output && { output }),
      ...(logprobs && { logprobs }),
    },
    warnings: [...warnings, ...contextWarnings(body)],
  };
};
