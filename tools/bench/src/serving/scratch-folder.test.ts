import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ScratchFolder } from './scratch-folder.ts';

it('is removed with what is in it', () => {
  const folder = new ScratchFolder('golek-scratch');
  writeFileSync(path.join(folder.path, 'file'), 'x');
  folder[Symbol.dispose]();
  expect(existsSync(folder.path)).toBe(false);
  folder[Symbol.dispose]();
});

it('is removed when the program ends without having disposed of it', () => {
  const source = JSON.stringify(path.join(import.meta.dirname, 'scratch-folder.ts'));
  const script = `const { ScratchFolder } = await import(${source}); console.log(new ScratchFolder('golek-scratch').path); process.exit(0)`;
  const made = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim();
  expect(path.basename(made)).toMatch(/^golek-scratch-/);
  expect(existsSync(made)).toBe(false);
});
