export { InputTokensRequest, ResponseRequest } from './response-body.ts';
export {
  countRequest,
  generateRequest,
  readInputTokensRequest,
  readResponseRequest,
  type ResponseCall,
  type ResponsePrompt,
} from './response-request.ts';
export { conversationItems, type ItemLookup } from './input-items.ts';
export type { ConversationItem } from './items.ts';
export { InputTokens, inputTokens } from './input-tokens.ts';
export { ItemPage, itemPage } from './item-page.ts';
export { readRetrieveQuery } from './retrieve-query.ts';
export { ResponseObject } from './response-object.ts';
export { ResponseDraft, responseOfItem, type ResponseIdentity } from './response-draft.ts';
export { responseStream, type ResponseEncoder, type ResponseStreamHooks } from './response-stream.ts';
export { ResponseStreamEvent } from './stream-event.ts';
export { RESPONSE_PARAMS } from './response-params.ts';
