import { once } from 'node:events';

/** Writes to standard output and waits while its reader is slower than we are. */
export const writeOut = async (text: string): Promise<void> => {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
};

/**
 * A reader that has read enough (`golek run … | head`) ends the program like any other filter, without an error. Standard error that nobody reads is no reason
 * to end.
 */
export const endQuietlyWithoutReader = (): void => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
};
