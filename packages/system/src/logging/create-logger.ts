import pino, { type Logger } from 'pino';
import type { LOG_FORMATS, LOG_LEVELS } from './log-config.ts';
import { withFastLines } from './fast-lines.ts';
import { GatheredLines } from './gathered-lines.ts';
import { isoTime } from './iso-time.ts';
import { redactSecrets } from './redact-secrets.ts';
import { prettyLine } from './pretty-line.ts';

export interface LoggerOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Where lines go; `isTTY` decides what `auto` means. Default: standard error. */
  readonly stream?: { readonly isTTY?: boolean; write(line: string): unknown };
  /** Colours in the pretty format. Default: on a terminal. */
  readonly colours?: boolean;
}

/** One for all loggers of the process: lines stay whole and in order. */
let standardError: GatheredLines | undefined;

/** A pino logger; credentials are replaced by `[redacted]`. Lines are buffered for at most a quarter of a second and flushed at exit. */
export const createLogger = ({ level, format, stream, colours }: LoggerOptions): Logger => {
  const terminal = (stream ?? process.stderr).isTTY === true;
  const pretty = format === 'pretty' || (format === 'auto' && terminal);
  const options = {
    level,
    timestamp: isoTime,
    formatters: { log: redactSecrets },
  };
  if (pretty) {
    const target = stream ?? process.stderr;
    const write = (line: string): unknown => target.write(prettyLine(line, colours ?? terminal));
    return withFastLines(pino(options, { write }));
  }
  return withFastLines(pino(options, stream ?? (standardError ??= new GatheredLines(2))));
};
