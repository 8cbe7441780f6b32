import { GolekError, type GenerateRequest, type InferenceRequest } from '@golek/api';
import type { InferenceCall, InterceptorContribution } from '@golek/plugins-api';

/** Bounds on what one request may ask for, over all protocols. */
export interface ValidationLimits {
  /** Most tokens of one answer: `maxTokens` may not ask for more. Absent: no bound beside the model's context. */
  readonly maxOutputTokens?: number | undefined;
  readonly maxTools: number;
  /** Most inputs of an embed or classify request, most documents of a rerank request. */
  readonly maxInputs: number;
}

/** The limits of one call: of its tenant, and as they are now. */
export type LimitsOf = (call: InferenceCall) => ValidationLimits;

const invalid = (path: string, message: string): GolekError =>
  new GolekError('invalid_request', message, { details: { path } });

const checkChat = ({ input }: GenerateRequest, limits: ValidationLimits): void => {
  if (input.type !== 'chat') return;
  const tools = new Set<string>();
  for (const { name } of input.tools ?? []) {
    if (tools.has(name)) throw invalid('tools', `two tools are named '${name}'; names must be unique`);
    tools.add(name);
  }
  if (tools.size > limits.maxTools)
    throw invalid('tools', `${tools.size} tools are more than the limit of ${limits.maxTools}`);
  const choice = input.toolChoice;
  if (choice && choice.type !== 'auto' && choice.type !== 'none' && tools.size === 0) {
    throw invalid('tool_choice', `tool_choice '${choice.type}' needs at least one tool in 'tools'`);
  }
  if (choice?.type === 'tool' && !tools.has(choice.name)) {
    throw invalid(
      'tool_choice',
      `tool_choice names the tool '${choice.name}', which is not in 'tools' (${[...tools].join(', ')})`,
    );
  }
  const called = new Set<string>();
  input.messages.forEach((message, index) => {
    if (message.role === 'assistant') for (const { id } of message.toolCalls ?? []) called.add(id);
    if (message.role === 'tool' && !called.has(message.toolCallId)) {
      throw invalid(
        `messages[${index}]`,
        `messages[${index}] answers the tool call '${message.toolCallId}', which no earlier assistant message made`,
      );
    }
  });
};

const checkRequest = (request: InferenceRequest, limits: ValidationLimits): void => {
  switch (request.task) {
    case 'generate':
      if (
        limits.maxOutputTokens !== undefined &&
        request.maxTokens !== undefined &&
        request.maxTokens > limits.maxOutputTokens
      ) {
        throw invalid(
          'max_tokens',
          `max_tokens is ${request.maxTokens}, more than this server's limit of ${limits.maxOutputTokens} (limits.maxOutputTokens)`,
        );
      }
      checkChat(request, limits);
      break;
    case 'embed':
    case 'classify':
      if (request.inputs.length > limits.maxInputs)
        throw invalid('input', `${request.inputs.length} inputs are more than the limit of ${limits.maxInputs}`);
      break;
    case 'rerank':
      if (request.documents.length > limits.maxInputs)
        throw invalid(
          'documents',
          `${request.documents.length} documents are more than the limit of ${limits.maxInputs}`,
        );
      break;
    default:
  }
};

/**
 * VALIDATE: what the schema of a request cannot say, the relations between its parts and this runtime's limits; those of a call where a function gives them.
 * Throws `invalid_request`.
 */
export const validationPhase = (limits: ValidationLimits | LimitsOf): InterceptorContribution => {
  const limitsOf = typeof limits === 'function' ? limits : () => limits;
  return {
    phase: 'VALIDATE',
    name: 'golek.validate',
    intercept: (next) => (call) => {
      checkRequest(call.request, limitsOf(call));
      return next(call);
    },
  };
};
