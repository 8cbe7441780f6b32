import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect, GolekError } from '@golek/api';
import { mutateGguf, originalOf, runMutations, runStates, type Original } from '@golek/chaos';
import { golekTiny } from '@golek/model-tiny';
import { createIsolatedGgufProvider } from '@golek/provider-gguf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf, residentMiB, serve, untilReady } from './golek-server.fixture.ts';

const ACCEPTED = new Set([
  'model_invalid',
  'model_load_failed',
  'engine_crashed',
  'insufficient_memory',
  'unsupported',
]);

let folder: string;
let original: Original;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'golek-mutated-'));
  original = originalOf(await readFile(golekTiny.path));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const request = {
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt: 'Once' },
  maxTokens: 4,
  sampling: { temperature: 0 },
} as const;

describe('mutated GGUF files', () => {
  it('200 of them: a clear error or an answer each, no process left, memory flat', { timeout: 900_000 }, async () => {
    await using provider = createIsolatedGgufProvider({ threads: 1, contextSize: 64, parallel: 1 });
    const before = residentMiB(process.pid);
    const outcomes = new Map<string, number>();
    const tryOne = async (index: number): Promise<void> => {
      const location = path.join(folder, `m${index}.gguf`);
      await writeFile(location, mutateGguf(original, index));
      let outcome = 'works';
      try {
        const source = { name: `m${index}`, location };
        // A file may change between the look at it and the load: a part of them is loaded unseen.
        if (index % 5 !== 0) await provider.inspect(source, { signal });
        await using session = await provider.open(source, { signal });
        await collect(session.run(request, { id: `r${index}`, signal: AbortSignal.timeout(30_000) }));
      } catch (thrown) {
        expect(thrown, String(thrown)).toBeInstanceOf(GolekError);
        const { code, message } = thrown as GolekError;
        expect(ACCEPTED, message).toContain(code);
        expect(message.length).toBeGreaterThan(10);
        outcome = code;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await unlink(location);
    };
    let next = 0;
    await Promise.all(
      [0, 1].map(async () => {
        while (next < 200) await tryOne(next++);
      }),
    );
    console.log(`200 mutated files: ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(200 - (outcomes.get('works') ?? 0)).toBeGreaterThan(100);
    expect(residentMiB(process.pid) - before).toBeLessThan(150);
    await provider[Symbol.asyncDispose]();
    expect(childrenOf(process.pid).length).toBeLessThanOrEqual(1);
  });

  // The same with 10,000: npm run chaos -- mutations.
  it('many in one process, LoRA adapters and saved states too', { timeout: 300_000 }, async () => {
    const { wrong, outcomes, tried, memory } = await runMutations({ count: 260 });
    expect(wrong).toEqual([]);
    expect(tried).toBe(260);
    expect(outcomes.state).toEqual({ works: expect.any(Number) });
    expect(memory.late).toBeLessThan(memory.early + 15);
  });

  it(
    'saved states that are cut or changed, with right digests, end no engine and change no answer',
    { timeout: 120_000 },
    async () => {
      const report = await runStates({ model: golekTiny.path, truncations: 20, fields: 60 });
      expect(report.wrong).toEqual([]);
      expect(report).toMatchObject({ engineEnds: 0, wrongAnswers: 0 });
      expect(report.outcomes['cut at a border']).toMatchObject({ used: 0, missed: expect.any(Number) });
      expect(report.outcomes['cut anywhere']).toEqual({ used: 0, missed: 20 });
    },
  );

  it('beside a good one do not keep the server from starting and answering', { timeout: 120_000 }, async () => {
    const args: string[] = [];
    for (const index of [0, 1, 2, 3]) {
      const location = path.join(folder, `served-${index}.gguf`);
      await writeFile(location, mutateGguf(original, index));
      args.push('--model', `bad-${index}=${location}`);
    }
    await using server = await serve({ args: [...args, '--model', `good=${golekTiny.path}`] });
    await untilReady(server.url);
    const ask = (model: string): Promise<Response> =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, temperature: 0, messages: [{ role: 'user', content: 'Hello!' }] }),
      });
    expect((await ask('good')).status).toBe(200);
    for (const index of [0, 1, 2, 3]) {
      const response = await ask(`bad-${index}`);
      if (response.status !== 200)
        expect(await response.json()).toMatchObject({
          error: { code: expect.any(String), message: expect.any(String) },
        });
    }
    expect((await ask('good')).status).toBe(200);
  });
});
