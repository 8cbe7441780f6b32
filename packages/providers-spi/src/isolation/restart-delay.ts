/**
 * Milliseconds until the next start of a child that ended `crashes` times without a stable time between: none after the first,
 * then exponential up to `max`. `random` (0 to 1) takes off up to half, so that many children do not start in step.
 */
export const restartDelay = (crashes: number, initial: number, max: number, random: number): number => {
  if (crashes <= 1) return 0;
  const full = Math.min(max, initial * 2 ** Math.min(crashes - 2, 30));
  return full * (1 - random / 2);
};
