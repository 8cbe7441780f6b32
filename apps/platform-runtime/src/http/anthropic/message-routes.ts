import { collect, type InferenceEvent } from '@golek/api';
import {
  AnswerMessage,
  CountTokensRequest,
  MESSAGES_PARAMS,
  MessagesRequest,
  messageStream,
  MessageStreamEvent,
  readCountTokensRequest,
  readMessage,
  readMessagesRequest,
  TokenCount,
  tokenCount,
  type MessagesCall,
} from '@golek/protocols/anthropic';
import { answerStream } from '../answer-stream.ts';
import type { EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import { vainThinkingWarnings, withoutVainThinking, type SwitchDeps } from '../needless-switch.ts';
import type { Route } from '../route.ts';
import { requestRunner, type RunDeps } from '../run-request.ts';
import { withWarnings } from '../with-warnings.ts';
import { ANTHROPIC_ERRORS, ANTHROPIC_STREAM, checkVersion } from './form.ts';

export interface MessageRouteDeps extends RunDeps, SwitchDeps {
  readonly limits: () => EventStreamLimits;
}

const THINKING_NAMES = { enabled: 'thinking', effort: 'output_config.effort' };

const bodyOf = (exchange: Exchange): unknown => {
  const { body, request } = exchange;
  exchange.params = MESSAGES_PARAMS;
  checkVersion(request.headers);
  return parseJsonBody(body, request.headers);
};

/** Anthropic's Messages API. */
export const anthropicMessageRoutes = ({ limits, ...deps }: MessageRouteDeps): Route[] => {
  const run = requestRunner(deps, 'anthropic');
  const asked = async (exchange: Exchange, call: MessagesCall): Promise<AsyncIterable<InferenceEvent>> => {
    const request = await withoutVainThinking(call.request, exchange, deps);
    const events = run(exchange, request, { whole: !call.stream });
    return withWarnings(events, [...call.warnings, ...vainThinkingWarnings(call.request, request, THINKING_NAMES)]);
  };
  return [
    {
      method: 'POST',
      path: '/v1/messages',
      scope: 'inference',
      errors: ANTHROPIC_ERRORS,
      operation: {
        summary: "Continue a conversation, in the form of Anthropic's Messages API.",
        tag: 'inference',
        request: MessagesRequest,
        response: AnswerMessage,
        chunk: MessageStreamEvent,
      },
      handle: async (exchange) => {
        const call = readMessagesRequest(bodyOf(exchange));
        const events = await asked(exchange, call);
        if (call.stream) return answerStream(exchange, events, messageStream(exchange), ANTHROPIC_STREAM, limits());
        exchange.sendText(200, await readMessage(events, exchange));
      },
    },
    {
      method: 'POST',
      path: '/v1/messages/count_tokens',
      scope: 'inference',
      errors: ANTHROPIC_ERRORS,
      operation: {
        summary: 'Count the tokens of a conversation, its template and tools included.',
        tag: 'inference',
        request: CountTokensRequest,
        response: TokenCount,
      },
      handle: async (exchange) => {
        const request = await withoutVainThinking(readCountTokensRequest(bodyOf(exchange)), exchange, deps);
        exchange.sendJson(200, tokenCount(await collect(run(exchange, request))));
      },
    },
  ];
};
