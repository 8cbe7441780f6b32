const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** How a keep-alive time may be written. */
export const KEEP_ALIVE_FORMS =
  "a duration such as '90s', '5m' or '1h30m', 0 (unload at once), 'forever', or a number of seconds (negative: forever)";

/**
 * How long an idle model stays, milliseconds; Infinity: for ever. Undefined for what is none. The forms are Ollama's `keep_alive` and `forever`.
 *
 * @example keepAliveMs('1h30m'); // 5_400_000
 */
export const keepAliveMs = (value: string | number): number | undefined => {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value < 0 ? Infinity : value * 1_000;
  const text = value.trim();
  if (text === 'forever') return Infinity;
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return keepAliveMs(Number(text));
  const isNegative = text.startsWith('-');
  const parts = text.replace(/^-/, '');
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(parts)) return undefined;
  let total = 0;
  for (const [, count, unit] of parts.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    total += Number(count) * (UNITS[unit ?? ''] ?? 0);
  return isNegative && total > 0 ? Infinity : total;
};
