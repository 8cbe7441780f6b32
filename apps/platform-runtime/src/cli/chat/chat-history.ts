import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DataFolder } from '@golek/core';

const FILE = 'chat-history';
const MAX_LINES = 1000;
const MAX_LINE_LENGTH = 4096;

/** Lines typed in earlier chats, oldest first; none when the file cannot be read. */
export const loadHistory = async (data: DataFolder): Promise<string[]> => {
  const text = await readFile(path.join(data.root, FILE), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(-MAX_LINES);
};

/** Keeps the latest 1000 lines, for their owner only; longer ones than 4096 characters are left out. Throws `config_invalid`. */
export const saveHistory = async (data: DataFolder, lines: readonly string[]): Promise<void> => {
  const kept = lines.filter((line) => line.length <= MAX_LINE_LENGTH && !line.includes('\n')).slice(-MAX_LINES);
  await data.write(FILE, kept.map((line) => `${line}\n`).join(''));
};
