import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Styles text where the stream is a terminal that shows colours; NO_COLOR and FORCE_COLOR are honoured. */
export const styled = (stream: NodeJS.WriteStream, format: Format, text: string): string =>
  styleText(format, text, { stream, validateStream: true });
