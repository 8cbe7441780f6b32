import { ERROR_CODES, GolekError } from '@golek/api';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { ErrorBody, errorBody } from './error-body.ts';
import { sseError } from './sse.ts';
import {
  CHAT_PARAMS,
  CLASSIFY_PARAMS,
  COMPLETION_PARAMS,
  EMBEDDING_PARAMS,
  NEW_LIMIT_CHAT_PARAMS,
  TOKENIZE_PARAMS,
} from './wire-params.ts';

test.each(ERROR_CODES)('%s is an error of the official client, with its code', (code) => {
  const body = ErrorBody.parse(errorBody(new GolekError(code, 'why')));
  const { status } = new GolekError(code, '');
  const error = OpenAI.APIError.generate(status, body, undefined, new Headers());
  expect(error).toBeInstanceOf(OpenAI.APIError);
  expect(error).toMatchObject({ status, code, type: body.error.type, message: `${status} why` });
});

test.each([
  ['invalid_request', 'invalid_request_error', OpenAI.BadRequestError],
  ['permission_denied', 'permission_error', OpenAI.PermissionDeniedError],
  ['model_not_found', 'invalid_request_error', OpenAI.NotFoundError],
  ['model_invalid', 'invalid_request_error', OpenAI.UnprocessableEntityError],
  ['internal', 'server_error', OpenAI.InternalServerError],
  ['overloaded', 'server_error', OpenAI.InternalServerError],
] as const)('%s has the type %s', (code, type, errorClass) => {
  const body = errorBody(new GolekError(code, 'why'));
  expect(body.error.type).toBe(type);
  expect(OpenAI.APIError.generate(new GolekError(code, '').status, body, undefined, new Headers())).toBeInstanceOf(
    errorClass,
  );
});

describe('param', () => {
  const option = (name: string): GolekError =>
    new GolekError('unsupported', `model 'm' does not support '${name}'`, { details: { option: name, model: 'm' } });
  test('is the name on the wire, in the message too', () => {
    expect(errorBody(option('output.json-schema'), CHAT_PARAMS).error).toEqual({
      message: "model 'm' does not support 'response_format'",
      type: 'invalid_request_error',
      param: 'response_format',
      code: 'unsupported',
    });
    expect(errorBody(option('input.chat'), CHAT_PARAMS).error.param).toBe('messages');
    expect(errorBody(option('input.tokens'), COMPLETION_PARAMS).error.param).toBe('prompt');
    expect(errorBody(option('input.prompt'), COMPLETION_PARAMS).error.param).toBe('prompt');
    expect(errorBody(option('input'), COMPLETION_PARAMS).error.param).toBe('prompt');
    expect(errorBody(option('dimensions'), EMBEDDING_PARAMS).error.param).toBe('dimensions');
    expect(errorBody(option('constructor'), CHAT_PARAMS).error.param).toBeNull();
  });
  test('is the path of a wrong value', () => {
    const error = new GolekError('invalid_request', 'no', { details: { path: 'messages[1].content' } });
    expect(errorBody(error, CHAT_PARAMS).error.param).toBe('messages[1].content');
    const limit = new GolekError('invalid_request', 'no', { details: { path: 'max_tokens' } });
    expect(errorBody(limit, CHAT_PARAMS).error.param).toBe('max_tokens');
    expect(errorBody(limit, NEW_LIMIT_CHAT_PARAMS).error.param).toBe('max_completion_tokens');
  });
  test('is an unknown key as it was sent', () => {
    const unknown = new GolekError('unknown_parameter', 'no', { details: { path: 'prompt' } });
    expect(errorBody(unknown, CHAT_PARAMS).error.param).toBe('prompt');
  });
  test('is the field of the request that a provider names', () => {
    const wrong = (field: string): GolekError => new GolekError('invalid_request', 'no', { details: { field } });
    expect(errorBody(wrong('inputs[2]'), CLASSIFY_PARAMS).error.param).toBe('input[2]');
    expect(errorBody(wrong('inputs'), EMBEDDING_PARAMS).error.param).toBe('input');
    expect(errorBody(wrong('documents'), {}).error.param).toBe('documents');
    expect(errorBody(wrong('sampling.seed'), CHAT_PARAMS).error.param).toBe('seed');
  });
  test('is what the code is about', () => {
    const long = new GolekError('context_length_exceeded', 'long');
    expect(
      [CHAT_PARAMS, COMPLETION_PARAMS, EMBEDDING_PARAMS, TOKENIZE_PARAMS].map(
        (params) => errorBody(long, params).error.param,
      ),
    ).toEqual(['messages', 'prompt', 'input', 'content']);
    expect(errorBody(new GolekError('model_not_found', 'no'), CHAT_PARAMS).error.param).toBe('model');
    const task = new GolekError('unsupported', 'no', { details: { task: 'embed', model: 'm' } });
    expect(errorBody(task, EMBEDDING_PARAMS).error.param).toBe('model');
    expect(errorBody(new GolekError('internal', 'no')).error.param).toBeNull();
  });
});

test('a failure in a stream is one event', () => {
  expect(sseError(new GolekError('engine_crashed', 'gone\nnow'), CHAT_PARAMS)).toBe(
    'data: {"error":{"message":"gone\\nnow","type":"server_error","param":null,"code":"engine_crashed"}}\n\n',
  );
});
