import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { GatheredLines } from './gathered-lines.ts';

const openLog = () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'golek-log-')), 'log');
  const fd = openSync(file, 'w');
  return { fd, read: () => readFileSync(file, 'utf8') };
};

test('writes lines together, in order and whole', async () => {
  const { fd, read } = openLog();
  const lines = new GatheredLines(fd);
  const expected = Array.from({ length: 5_000 }, (_, index) => `{"line":${index},"text":"é"}\n`);
  lines.write('first\n');
  expect(read()).toBe('');
  for (const line of expected) lines.write(line);
  await vi.waitFor(() => expect(read()).toBe(`first\n${expected.join('')}`), 5_000);
  closeSync(fd);
});

test('a descriptor that cannot be written does not fail the caller', async () => {
  const { fd } = openLog();
  closeSync(fd);
  const lines = new GatheredLines(fd);
  lines.write('x'.repeat(70_000));
  await new Promise((resolve) => setTimeout(resolve, 20));
  lines.write('y'.repeat(70_000));
});

const run = (code: string, input?: { readonly maxBuffer: number }) => {
  const module = new URL('./gathered-lines.ts', import.meta.url).href;
  const script = `import { GatheredLines } from ${JSON.stringify(module)}; const lines = new GatheredLines(2); ${code}`;
  return spawnSync(process.execPath, ['--conditions=@golek/source', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    ...input,
  });
};

test('what was gathered is written at the exit, however the process ends', () => {
  expect(run("lines.write('a\\n'); lines.write('b\\n');").stderr).toBe('a\nb\n');
  expect(run("lines.write('a\\n'); process.exit(3);")).toMatchObject({ stderr: 'a\n', status: 3 });
  expect(run("lines.write('a\\n'); throw new Error('end');").stderr).toContain('a\n');
});

test('counts the lines that it drops while nothing takes them', () => {
  const { stderr } = run(
    "const line = `${'z'.repeat(1023)}\\n`; for (let index = 0; index < 10_000; index += 1) lines.write(line); process.exit(0);",
    { maxBuffer: 64 * 1024 * 1024 },
  );
  const dropped = /"dropped":(\d+)/.exec(stderr)?.[1];
  const kept = stderr.split('\n').filter((line) => line.startsWith('z')).length;
  expect(kept).toBeGreaterThan(4_000);
  expect(kept + Number(dropped)).toBe(10_000);
});
