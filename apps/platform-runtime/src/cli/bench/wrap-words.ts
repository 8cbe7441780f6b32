/** Breaks a line between words so that none is longer than `width` columns, where its words allow it; further lines begin with `indent` spaces. */
export const wrapWords = (line: string, width: number, indent = 0): string => {
  const [first = '', ...words] = line.split(' ');
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(' '.repeat(indent) + word);
  }
  return lines.join('\n');
};
