import { collect } from '@golek/api';
import {
  countRequest,
  generateRequest,
  InputTokens,
  inputTokens,
  InputTokensRequest,
  ItemPage,
  itemPage,
  readInputTokensRequest,
  readResponseRequest,
  readRetrieveQuery,
  RESPONSE_PARAMS,
  ResponseDraft,
  ResponseObject,
  ResponseRequest,
  responseStream,
  ResponseStreamEvent,
  type ResponseIdentity,
} from '@golek/protocols/openai-responses';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { answerStream } from '../answer-stream.ts';
import type { EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import { vainThinkingWarnings, withoutVainThinking, type SwitchDeps } from '../needless-switch.ts';
import type { Route } from '../route.ts';
import { requestRunner, type RunDeps } from '../run-request.ts';
import { OPENAI_STREAM, type StreamForm } from '../wire-form.ts';
import { withWarnings } from '../with-warnings.ts';
import { BackgroundExchange } from './background-exchange.ts';
import type { EventTape } from './event-tape.ts';
import { ResponseLibrary } from './response-library.ts';
import type { ResponseLimits } from './response-limits.ts';

export interface ResponseRouteDeps extends RunDeps, SwitchDeps {
  readonly limits: () => EventStreamLimits;
  readonly responses: () => ResponseLimits;
}

const Deleted = z
  .strictObject({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) })
  .meta({ id: 'DeletedResponse' });

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Random, since whoever knows an id of his tenant can read the response: not that of the request, which the caller may choose. */
const newIdentity = (): ResponseIdentity => ({
  key: randomUUID().replaceAll('-', ''),
  created: seconds(),
  now: seconds,
});

const bodyOf = (exchange: Exchange): unknown => {
  exchange.params = RESPONSE_PARAMS;
  return parseJsonBody(exchange.body, exchange.request.headers);
};

/** One parameter says both whether and how much. */
const THINKING_NAMES = { enabled: 'reasoning.effort', effort: 'reasoning.effort' };

const FROM_THE_FIRST = -1;

const ID = { id: 'Id of the response.' };
const idOf = ({ parameters }: Exchange): string => parameters['id'] ?? '';

/** OpenAI's Responses API. Responses are kept in memory. */
export const responseRoutes = ({ limits, responses, ...deps }: ResponseRouteDeps): Route[] => {
  const run = requestRunner(deps, 'openai');
  const library = new ResponseLibrary(responses);

  const create = async (exchange: Exchange): Promise<void> => {
    const call = readResponseRequest(bodyOf(exchange));
    const { tenant } = exchange.principal;
    const identity = newIdentity();
    const conversation = library.conversation(tenant, call, identity.key);
    const sent = generateRequest(call, conversation);
    const request = await withoutVainThinking(sent, exchange, deps);
    const warnings = [...call.warnings, ...vainThinkingWarnings(sent, request, THINKING_NAMES)];
    const keep = (response: ResponseObject, draft: ResponseDraft, tape?: EventTape): ResponseObject =>
      call.store ? library.keep(tenant, response, conversation, draft, tape) : response;

    if (call.background) {
      const { begun, tape } = library.runs.start({
        identity,
        call,
        exchange: new BackgroundExchange(exchange),
        run: (detached) => withWarnings(run(detached, request), warnings),
        ended: keep,
      });
      return tape ? tape.play(exchange, FROM_THE_FIRST, limits()) : exchange.sendJson(200, begun);
    }
    const events = withWarnings(run(exchange, request, { whole: !call.stream }), warnings);
    if (call.stream) {
      const encoder = responseStream(identity, call, {
        finished: keep,
        // Whoever left, or had the request ended, does not come back for it.
        failed: (response, draft) => {
          if (response.status !== 'cancelled') keep(response, draft);
        },
      });
      const form: StreamForm = { ...OPENAI_STREAM, error: (error, params) => encoder.fail(error, params) };
      return answerStream(exchange, events, encoder, form, limits());
    }
    const draft = new ResponseDraft(identity, call);
    for await (const event of events) draft.take(event);
    exchange.sendJson(200, keep(draft.finish(), draft));
  };

  return [
    {
      method: 'POST',
      path: '/v1/responses',
      scope: 'inference',
      operation: {
        summary: "Continue a conversation, in the form of OpenAI's Responses API; a part of it may be stored.",
        tag: 'inference',
        request: ResponseRequest,
        response: ResponseObject,
        chunk: ResponseStreamEvent,
      },
      handle: create,
    },
    {
      method: 'POST',
      path: '/v1/responses/input_tokens',
      scope: 'inference',
      operation: {
        summary: 'Count the tokens of a conversation, its template and tools included.',
        tag: 'inference',
        request: InputTokensRequest,
        response: InputTokens,
      },
      handle: async (exchange) => {
        const prompt = readInputTokensRequest(bodyOf(exchange));
        const conversation = library.conversation(exchange.principal.tenant, prompt, newIdentity().key);
        const request = await withoutVainThinking(countRequest(prompt, conversation), exchange, deps);
        const result = await collect(run(exchange, request));
        exchange.sendJson(200, inputTokens(result));
      },
    },
    {
      method: 'GET',
      path: '/v1/responses/:id',
      scope: 'inference',
      operation: {
        summary: 'A stored response, or one in the background as it is now.',
        tag: 'inference',
        parameters: ID,
        query: {
          stream: "'true': the events of a response that is or was streamed in the background.",
          starting_after: "The stream begins behind the event with this 'sequence_number'.",
        },
        response: ResponseObject,
        chunk: ResponseStreamEvent,
      },
      handle: (exchange) => {
        const { stream, after } = readRetrieveQuery(exchange.query);
        const { tenant } = exchange.principal;
        if (stream) return library.tape(tenant, idOf(exchange)).play(exchange, after, limits());
        return exchange.sendJson(200, library.find(tenant, idOf(exchange)).response);
      },
    },
    {
      method: 'DELETE',
      path: '/v1/responses/:id',
      scope: 'inference',
      operation: {
        summary: 'Forget a stored response; one in the background is cancelled.',
        tag: 'inference',
        parameters: ID,
        response: Deleted,
      },
      handle: (exchange) => {
        const id = idOf(exchange);
        library.delete(exchange.principal.tenant, id);
        exchange.sendJson(200, { id, object: 'response', deleted: true });
      },
    },
    {
      method: 'GET',
      path: '/v1/responses/:id/input_items',
      scope: 'inference',
      operation: {
        summary: 'The conversation that a stored response answers, in pages.',
        tag: 'inference',
        parameters: ID,
        query: {
          limit: 'Items of a page, 1 to 100; default 20.',
          order: "'desc' (default), latest first, or 'asc'.",
          after: 'The page begins behind the item with this id.',
        },
        response: ItemPage,
      },
      handle: (exchange) => {
        const items = library.inputOf(exchange.principal.tenant, idOf(exchange));
        exchange.sendJson(200, itemPage(items, exchange.query));
      },
    },
    {
      method: 'POST',
      path: '/v1/responses/:id/cancel',
      scope: 'inference',
      operation: {
        summary: 'End a response in the background.',
        tag: 'inference',
        parameters: ID,
        response: ResponseObject,
      },
      handle: (exchange) => exchange.sendJson(200, library.cancel(exchange.principal.tenant, idOf(exchange))),
    },
  ];
};
