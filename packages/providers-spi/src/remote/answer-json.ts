import { parseJson } from './json.ts';
import { errorObjectOf, malformedFailure, reportedFailure, type FailureContext } from './upstream-failure.ts';

/** The JSON of an answer. Throws `provider_failed` for broken JSON, and what the service reports instead of an answer. */
export const answerJson = (text: string, context: FailureContext, parse = parseJson): unknown => {
  const json = parse(text);
  if (json === undefined) throw malformedFailure('broken JSON', text, context);
  const error = errorObjectOf(json);
  if (error) throw reportedFailure(error, context);
  return json;
};
