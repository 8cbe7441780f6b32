import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataFolder } from '@golek/core';
import { afterAll, expect, test } from 'vitest';
import { loadHistory, saveHistory } from './chat-history.ts';

const base = await mkdtemp(path.join(tmpdir(), 'golek-history-'));
afterAll(() => rm(base, { recursive: true }));

test('keeps the latest 1000 lines for the owner only, without very long ones', async () => {
  const data = new DataFolder(path.join(base, 'home'));
  expect(await loadHistory(data)).toEqual([]);
  const lines = Array.from({ length: 1200 }, (_, index) => `line ${index}`);
  await saveHistory(data, [...lines, 'x'.repeat(5000), 'last']);
  const loaded = await loadHistory(data);
  expect(loaded).toHaveLength(1000);
  expect(loaded.slice(-2)).toEqual(['line 1199', 'last']);
  expect((await stat(path.join(data.root, 'chat-history'))).mode & 0o777).toBe(0o600);
});
