/** Eighths of a block. */
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is shown. */
  readonly text: string;
}

/** A bar a line, the longest as wide as `width` columns allow beside labels and values; at least one column. */
export const barChart = (bars: readonly Bar[], width: number): string => {
  const labels = Math.max(0, ...bars.map(({ label }) => label.length));
  const texts = Math.max(0, ...bars.map(({ text }) => text.length));
  const room = Math.max(1, width - labels - texts - 2);
  const most = Math.max(...bars.map(({ value }) => value));
  return bars
    .map(({ label, value, text }) => {
      const eighths = most > 0 ? Math.max(1, Math.round((value / most) * room * 8)) : 0;
      const bar = '█'.repeat(eighths >> 3) + (PARTS[eighths & 7] ?? '');
      return `${label.padStart(labels)} ${bar} ${text}\n`;
    })
    .join('');
};
