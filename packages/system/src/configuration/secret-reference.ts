import { closeSync, openSync, readSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { Environment } from './environment-layer.ts';

/** A key or certificate is far smaller. */
const MAX_BYTES = 64 * 1024;

/** A text that says where a secret is, in place of the secret: `env:NAME` or `file:/path`. */
export const isReference = (value: unknown): value is string => typeof value === 'string' && /^(env|file):/.test(value);

export type ResolvedSecret = { readonly value: string } | { readonly problem: string };

/** Fetches what a reference names. A problem names the reference, never what was found. */
export const resolveReference = (reference: string, environment: Environment): ResolvedSecret => {
  const [, scheme, name = ''] = /^(env|file):(.*)$/s.exec(reference) ?? [];
  return scheme === 'env' ? fromEnvironment(name, environment) : fromFile(name);
};

const fromEnvironment = (name: string, environment: Environment): ResolvedSecret => {
  const value = environment[name];
  if (value === undefined || value === '')
    return { problem: `refers to env:${name}, but the environment variable ${name} is not set` };
  return { value };
};

/** Read at once, since configuration is resolved in one step; such files are tiny. One line break at the end is dropped. */
const fromFile = (path: string): ResolvedSecret => {
  if (!isAbsolute(path)) return { problem: `refers to file:${path}; the path must be absolute` };
  try {
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      const length = readSync(file, buffer);
      if (length > MAX_BYTES) return { problem: `refers to file:${path}, which is larger than ${MAX_BYTES} bytes` };
      const value = buffer.toString('utf8', 0, length).replace(/\r?\n$/, '');
      return value === '' ? { problem: `refers to file:${path}, which is empty` } : { value };
    } finally {
      closeSync(file);
    }
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return {
      problem: `refers to file:${path}, ${code === 'ENOENT' ? 'which does not exist' : `which cannot be read (${code ?? 'unknown error'})`}`,
    };
  }
};
