import type { IncomingHttpHeaders } from 'node:http';

const LONGEST_S = 86_400;

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/**
 * Seconds after which the upstream wants to be asked again: `retry-after-ms` (OpenAI, Azure), or `Retry-After` in seconds or as a date (RFC 9110). A
 * time that has passed is 0; what cannot be read, or is further away than a day, is undefined.
 */
export const retryAfterOf = (headers: IncomingHttpHeaders, now: number): number | undefined => {
  const milliseconds = one(headers['retry-after-ms']);
  if (milliseconds !== undefined && /^\d+(\.\d+)?$/.test(milliseconds)) return bounded(Number(milliseconds) / 1000);
  const text = one(headers['retry-after'])?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Number(text));
  // A date has a day's name; Date.parse alone would take a lone number for a year.
  const date = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : bounded(Math.max(0, (date - now) / 1000));
};

const bounded = (seconds: number): number | undefined => (seconds <= LONGEST_S ? seconds : undefined);
