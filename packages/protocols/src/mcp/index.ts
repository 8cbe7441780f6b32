export { CHAT_TOOL, CHAT_TOOL_PARAMS, ChatArguments, ChatOutput, chatOutput, readChatArguments } from './chat-tool.ts';
export { TextProgressMeter, type TextProgress } from './text-progress.ts';
export {
  EMBED_TOOL,
  EMBED_TOOL_PARAMS,
  EmbedArguments,
  EmbedOutput,
  embedOutput,
  readEmbedArguments,
} from './embed-tool.ts';
export { RERANK_TOOL, RerankArguments, RerankOutput, readRerankArguments, rerankOutput } from './rerank-tool.ts';
export {
  CLASSIFY_TOOL,
  CLASSIFY_TOOL_PARAMS,
  ClassifyArguments,
  ClassifyOutput,
  classifyOutput,
  readClassifyArguments,
} from './classify-tool.ts';
export {
  LIST_MODELS_TOOL,
  ListModelsArguments,
  ListModelsOutput,
  ModelDescription,
  modelDescription,
} from './models-tool.ts';
export {
  wireTool,
  type ToolAnnotations,
  type ToolDefinition,
  type ToolScope,
  type WireTool,
} from './tool-definition.ts';
export { ModelName } from './common-fields.ts';
export { ERROR_META_KEY, toolFailure, toolResult, type ToolResult } from './tool-result.ts';
export { RpcErrorBody, rpcErrorBody } from './rpc-error.ts';
export {
  jsonContents,
  MODEL_TEMPLATE,
  MODEL_URI_TEMPLATE,
  modelOfUri,
  modelResource,
  MODELS_RESOURCE,
  MODELS_URI,
  modelUri,
  STATUS_RESOURCE,
  STATUS_URI,
  type WireResource,
} from './resources.ts';
export { pageOf, type Page } from './pages.ts';
export { parseBody as parseArguments } from '../request-body/parse-body.ts';
export { RERANK_PARAMS as RERANK_TOOL_PARAMS, type WireParams } from '../openai/wire-params.ts';
