import { asList, asObject, asText, type JsonObject } from './json.ts';

const LONGEST_S = 86_400;

/** The details of a `google.rpc.Status` of one type, such as `RetryInfo`. */
const detailsOf = (error: JsonObject | undefined, type: string): readonly JsonObject[] =>
  asList(error?.['details']).flatMap((value) => {
    const detail = asObject(value);
    return detail && asText(detail['@type'])?.endsWith(`/google.rpc.${type}`) === true ? [detail] : [];
  });

/** Names of an error in a `google.rpc.Status`, as Google's services send it in JSON: the reasons of its `ErrorInfo`, then its canonical code. */
export const googleNames = (error: JsonObject | undefined): readonly unknown[] => [
  ...detailsOf(error, 'ErrorInfo').map((detail) => detail['reason']),
  error?.['status'],
];

/** Seconds after which its `RetryInfo` allows another try; undefined where there is none, or one that is further away than a day. */
export const googleRetryAfter = (error: JsonObject | undefined): number | undefined => {
  const delay = asText(detailsOf(error, 'RetryInfo')[0]?.['retryDelay']);
  // A duration in JSON is its seconds with the letter.
  const seconds = delay !== undefined && /^\d+(\.\d+)?s$/.test(delay) ? Number.parseFloat(delay) : undefined;
  return seconds !== undefined && seconds <= LONGEST_S ? seconds : undefined;
};
