import { open } from 'node:fs/promises';
import { GolekError } from '@golek/api';
import type { ConfigFile } from './file-layer.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a configuration file of at most 1 MiB. Throws `config_invalid`. @returns undefined when there is no file and none is `required`.
 */
export const readConfigFile = async (
  path: string,
  { required }: { readonly required: boolean },
): Promise<ConfigFile | undefined> => {
  const refuse = (why: string, cause?: unknown): GolekError =>
    new GolekError('config_invalid', `the configuration file ${path} ${why}`, { cause, details: { file: path } });
  try {
    await using file = await open(path);
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length > MAX_BYTES) throw refuse(`is larger than ${MAX_BYTES} bytes`);
    }
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (thrown) {
    if (thrown instanceof GolekError) throw thrown;
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return undefined;
    if (code === 'ENOENT') throw refuse('does not exist', thrown);
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw refuse('is not UTF-8 text', thrown);
    throw refuse(`cannot be read: ${message}`, thrown);
  }
};
