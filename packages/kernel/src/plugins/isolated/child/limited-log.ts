import type { Log } from '@golek/api';
import type { Report } from '../messages.ts';

const LINES_PER_SECOND = 50;
const MAX_CHARACTERS = 2_000;

/** Fields as one level of plain values. */
const plainFields = (fields: object): Record<string, unknown> => {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, 20)) {
    if (value instanceof Error) plain[name] = { message: value.message.slice(0, MAX_CHARACTERS), name: value.name };
    else if (typeof value === 'number' || typeof value === 'boolean' || value === null) plain[name] = value;
    else if (value !== undefined) plain[name] = textOf(value).slice(0, MAX_CHARACTERS);
  }
  return plain;
};

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  try {
    // Undefined for functions and symbols.
    const json = JSON.stringify(value) as string | undefined;
    return json ?? typeof value;
  } catch {
    return typeof value;
  }
};

/** The plugin's log: at most 50 lines a second cross the border; how many more there were is said in the next second. */
export const limitedLog = (send: (report: Report) => void): Log => {
  let second = 0;
  let lines = 0;
  let leftOut = 0;
  const to =
    (level: keyof Log) =>
    (fields: object, message: string): void => {
      const now = Math.trunc(performance.now() / 1_000);
      if (now !== second) {
        second = now;
        lines = 0;
        if (leftOut > 0)
          send({ type: 'log', level: 'warn', fields: { lines: leftOut }, message: 'lines were left out' });
        leftOut = 0;
      }
      if (++lines > LINES_PER_SECOND) leftOut++;
      else send({ type: 'log', level, fields: plainFields(fields), message: message.slice(0, MAX_CHARACTERS) });
    };
  return { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') };
};
