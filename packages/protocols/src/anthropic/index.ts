export {
  CountTokensRequest,
  MessagesRequest,
  readCountTokensRequest,
  readMessagesRequest,
  type MessagesCall,
} from './messages-request.ts';
export { AnswerMessage, readMessage } from './message.ts';
export { MessageStreamEvent, messageStream, SSE_PING } from './message-stream.ts';
export { TokenCount, tokenCount } from './count-tokens.ts';
export { ModelInfo, modelInfo, ModelPage, modelPage } from './model-list.ts';
export { AnthropicErrorBody, errorBody, errorEvent, errorStatus } from './error-body.ts';
export { MESSAGES_PARAMS } from './wire-params.ts';
