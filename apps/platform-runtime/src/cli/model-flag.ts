import { existsSync } from 'node:fs';
import { nameOfFile } from '../models/list-models.ts';

/** Reads `PATH` or `NAME=PATH`; a path that exists as it stands may contain `=`. */
export const readModelFlag = (text: string): { readonly name: string; readonly path: string } => {
  const at = text.indexOf('=');
  if (at <= 0 || text.slice(0, at).includes('/') || existsSync(text)) return { name: nameOfFile(text), path: text };
  return { name: text.slice(0, at), path: text.slice(at + 1) };
};
