const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** Pause after so many failures before this one, milliseconds: doubles up to half a minute, with jitter so that nodes do not return at once. */
export const backOffMs = (failures: number): number =>
  Math.round(Math.min(LONGEST_MS, FIRST_MS * 2 ** failures) * (0.5 + Math.random() / 2));
