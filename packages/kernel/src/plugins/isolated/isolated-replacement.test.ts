import { readdirSync, readFileSync } from 'node:fs';
import { collect } from '@golek/api';
import { describe, expect, it } from 'vitest';
import { callOf } from '../../kernel.fixture.ts';
import { pluginKernel } from '../plugin-manager.fixture.ts';
import { isolatedPlugin } from './isolated-plugin.ts';
import { UNTRUSTED } from './test-host.fixture.ts';

const REPLACEMENTS = 5;
const CALLERS = 8;

/** Processes of plugins that this process has started and that run. */
const pluginProcesses = (): number =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const ours = Number(parent) === process.pid && state !== 'Z';
        return ours && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('untrusted-plugin');
      } catch {
        return false;
      }
    }).length;

describe.runIf(process.platform === 'linux')('an isolated plugin under the manager', () => {
  it(
    'is replaced while requests run: none fails, none is untransformed, and old processes end',
    { timeout: 60_000 },
    async () => {
      const { manager, engine } = await pluginKernel({ models: { m: { answer: ['a ', 'b'] } } });
      manager.declare({
        name: 'untrusted',
        origin: UNTRUSTED,
        load: async (signal) => ({ plugin: await isolatedPlugin({ file: UNTRUSTED, signal }) }),
      });
      await manager.start('untrusted');
      let replacing = true;
      const answers: string[] = [];
      const caller = async (): Promise<void> => {
        while (replacing) {
          const request = { task: 'generate', model: 'm', input: { type: 'text', prompt: 'hi' } } as const;
          const { signal } = new AbortController();
          answers.push((await collect(engine.run(callOf(request, signal)))).choices[0]?.text ?? '');
        }
      };
      const callers = Array.from({ length: CALLERS }, caller);
      for (let i = 0; i < REPLACEMENTS; i++) await manager.reload('untrusted');
      replacing = false;
      await Promise.all(callers);
      expect(manager.status('untrusted')).toMatchObject({ state: 'running', replacements: REPLACEMENTS });
      expect(new Set(answers)).toEqual(new Set(['A B']));
      await expect.poll(pluginProcesses, { timeout: 20_000 }).toBe(1);
      await manager[Symbol.asyncDispose]();
      expect(pluginProcesses()).toBe(0);
    },
  );
});
