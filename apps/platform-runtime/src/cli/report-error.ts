import { GolekError } from '@golek/api';
import { EXIT, UsageError } from './exit-code.ts';
import { styled } from './style.ts';

/** Writes one readable line to standard error: code, message, remedy. With `debug` also the stack and its causes. @returns the exit code. */
export const reportError = (thrown: unknown, debug: boolean): number => {
  const name = styled(process.stderr, 'red', 'golek');
  if (thrown instanceof UsageError) {
    process.stderr.write(`${name}: ${thrown.message}\n`);
    return EXIT.usage;
  }
  const error = GolekError.from(thrown);
  process.stderr.write(
    `${name}: ${error.message} ${styled(process.stderr, 'dim', `[${error.code}] ${error.action}`)}\n`,
  );
  if (debug) process.stderr.write(`${stacksOf(thrown).join('\ncaused by: ')}\n`);
  return error.code === 'config_invalid' ? EXIT.usage : EXIT.failure;
};

const stacksOf = (thrown: unknown): string[] =>
  thrown instanceof Error
    ? [thrown.stack ?? thrown.message, ...(thrown.cause === undefined ? [] : stacksOf(thrown.cause))]
    : [String(thrown)];
