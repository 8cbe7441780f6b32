let second = -1;
let prefix = '';

/** pino's `time` field in ISO 8601 with milliseconds; the date is formatted once a second. */
export const isoTime = (): string => {
  const now = Date.now();
  const current = Math.floor(now / 1000);
  if (current !== second) {
    second = current;
    prefix = `,"time":"${new Date(current * 1000).toISOString().slice(0, -4)}`;
  }
  return `${prefix}${String(now % 1000).padStart(3, '0')}Z"`;
};
