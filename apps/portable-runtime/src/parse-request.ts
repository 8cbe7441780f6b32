import { describeIssue, GolekError, InferenceRequest } from '@golek/api';

/** Checks a program's own request. Throws `unknown_parameter` or `invalid_request`. */
export const parseRequest = (input: unknown): InferenceRequest => {
  const parsed = InferenceRequest.safeParse(input);
  if (parsed.success) return parsed.data;
  const { message, path, unknownKey } = describeIssue(parsed.error, input, () => []);
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', message, { details: { path } });
};
