/** What HTTP and the border between processes cost: `golek serve` beside the same provider called in this process. */
import { createGgufProvider } from '@golek/provider-gguf';
import { processTree } from '../process-cpu.ts';
import { takeTurns } from '../take-turns.ts';
import type { EngineSetup } from './contender.ts';
import { startGolekServe } from './golek-serve.ts';
import { PromptMaker } from './prompts.ts';
import { modelFile, type ServingOptions } from './serving-options.ts';
import { contextFor, resultOf, setupOf, type ServingResult } from './serving.ts';
import type { StreamRecord } from './stream-client.ts';
import { checkedRecord, runLoad, summarise, type LoadResult, type TokenLoad } from './token-load.ts';

interface InProcess extends AsyncDisposable {
  readonly run: (prompts: PromptMaker, load: TokenLoad) => Promise<LoadResult>;
}

const openInProcess = async ({
  model,
  threads,
  flashAttention,
  batch,
  sequences,
  context,
}: EngineSetup): Promise<InProcess> => {
  const provider = createGgufProvider({
    threads,
    flashAttention,
    batchSize: batch,
    parallel: sequences,
    contextSize: context,
    gpu: false,
  });
  const { signal } = new AbortController();
  const session = await provider.open({ name: 'bench', location: model }, { signal });
  const answer = async (prompt: number[], tokens: number): Promise<StreamRecord> => {
    const startedAt = performance.now();
    const chunksAt: number[] = [];
    let record: StreamRecord | undefined;
    let finish: string | undefined;
    const request = {
      task: 'generate' as const,
      model: 'bench',
      input: { type: 'text' as const, prompt },
      maxTokens: tokens,
      ignoreEos: true,
      sampling: { temperature: 0 },
    };
    for await (const event of session.run(request, { id: 'bench', signal })) {
      if (event.type === 'text') chunksAt.push(performance.now());
      else if (event.type === 'finish') finish = event.reason;
      else if (event.type === 'usage') {
        const { promptTokens, completionTokens, cachedPromptTokens: cachedTokens = 0 } = event.usage;
        const endedAt = performance.now();
        record = { startedAt, endedAt, chunksAt, promptTokens, cachedTokens, completionTokens, finish };
      }
    }
    if (!record) throw new Error('the session gave no usage');
    return record;
  };
  return {
    run: async (prompts, load) => {
      const all = Array.from({ length: load.streams * load.requests }, () => prompts.next(load.promptTokens));
      const records: StreamRecord[] = [];
      const startedAt = performance.now();
      const stream = async (): Promise<void> => {
        for (let prompt = all.pop(); prompt; prompt = all.pop())
          records.push(checkedRecord(await answer(prompt, load.tokens), load, 'in process'));
      };
      await Promise.all(Array.from({ length: load.streams }, stream));
      return summarise(records, performance.now() - startedAt);
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
};

export const borderBench = async (options: ServingOptions): Promise<ServingResult[]> => {
  const { streams, requests, promptTokens, tokens, rounds, maxRounds, warmup, golekArgs } = options;
  const prompts = await PromptMaker.of(await modelFile(options.model));
  const results: ServingResult[] = [];
  for (const count of streams) {
    const setup = await setupOf(options, count, contextFor(promptTokens + tokens));
    await using served = await startGolekServe({ ...setup, args: golekArgs });
    await using inProcess = await openInProcess(setup);
    const load = { streams: count, requests, promptTokens, tokens };
    const turns = [
      { name: served.name, pids: served.pids, work: () => runLoad(served, prompts, load) },
      { name: 'in process', pids: () => [process.pid], work: () => inProcess.run(prompts, load) },
    ];
    const samples = await takeTurns(turns, { rounds, maxRounds, warmup, own: () => processTree(process.pid) });
    turns.forEach(({ name }, index) => results.push(resultOf(name, count, samples[index] ?? [])));
  }
  return results;
};
