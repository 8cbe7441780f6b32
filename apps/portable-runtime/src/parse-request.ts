import { describeIssue, GolekError, InferenceRequest, ModelRoute } from '@golek/api';
import { reliabilityConfig, type ReliabilitySettings } from '@golek/system';

/** Checks a program's own request. Throws `unknown_parameter` or `invalid_request`. */
export const parseRequest = (input: unknown): InferenceRequest => {
  const parsed = InferenceRequest.safeParse(input);
  if (parsed.success) return parsed.data;
  const { message, path, unknownKey } = describeIssue(parsed.error, input, () => []);
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', message, { details: { path } });
};

/** The same for a route. */
export const parseRoute = (input: unknown): ModelRoute => {
  const parsed = ModelRoute.safeParse(input);
  if (parsed.success) return parsed.data;
  const { message, path, unknownKey } = describeIssue(parsed.error, input, () => Object.keys(ModelRoute.shape));
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', `route: ${message}`, {
    details: { path },
  });
};

/** The same for reliability settings; throws `config_invalid`. */
export const parseReliability = (input: unknown): ReliabilitySettings => {
  const { schema } = reliabilityConfig;
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { message, path } = describeIssue(parsed.error, input, () => Object.keys(schema.shape));
  throw new GolekError('config_invalid', `reliability: ${message}`, { details: { path } });
};
