import pino, { type Logger } from 'pino';
import type { LOG_FORMATS, LOG_LEVELS } from './log-config.ts';
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

/** Lines are written together up to so many bytes, or after the interval: a write for each line costs more than making it. */
const BUFFER_BYTES = 32_768;
const FLUSH_MS = 250;

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
    return pino(options, { write: (line: string) => target.write(prettyLine(line, colours ?? terminal)) });
  }
  return pino(
    options,
    stream ??
      pino.destination({
        fd: 2,
        sync: false,
        minLength: BUFFER_BYTES,
        maxWrite: 2 * BUFFER_BYTES,
        periodicFlush: FLUSH_MS,
      }),
  );
};
