import { styled } from './style.ts';

/** Columns of text under bold headings. A note that is not empty stands in red below its row. */
export const textTable = (
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  notes: readonly (string | undefined)[] = [],
): string => {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = [styled(process.stdout, 'bold', line(headings))];
  rows.forEach((row, index) => {
    lines.push(line(row));
    const note = notes[index] ?? '';
    if (note !== '') lines.push(styled(process.stdout, 'red', `  ${note}`));
  });
  return `${lines.join('\n')}\n`;
};

/** A fact a line, its label in bold; facts without a value are left out. */
export const factLines = (facts: readonly (readonly [label: string, value: string | undefined])[]): string => {
  const known = facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const]));
  const width = Math.max(...known.map(([label]) => label.length));
  return known.map(([label, value]) => `${styled(process.stdout, 'bold', label.padEnd(width))}  ${value}\n`).join('');
};
