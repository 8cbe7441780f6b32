/** Tokens a second of Golek's GGUF session beside the binding's own `sequence.evaluate()`, in turn, in this process. */
import { collect } from '@golek/api';
import { golekTiny } from '@golek/model-tiny';
import { createGgufProvider } from '@golek/provider-gguf';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { alternate, type Comparison, type Side } from './alternate.ts';

const PROMPT = 'Once upon a time';
const CONTEXT = 1024;
/** The same on both sides; off is Golek's default on a CPU. */
const FLASH_ATTENTION = false;

export interface GgufBenchOptions {
  /** Path of the model; default golek-tiny. */
  readonly model?: string;
  readonly threads: number;
  readonly rounds: number;
  /** Tokens to generate for each stream. */
  readonly tokens: number;
}

/** Repeats an answer until enough tokens are made: small models end early. */
const untilTokens = async (wanted: number, answer: (left: number) => Promise<number>): Promise<number> => {
  let made = 0;
  while (made < wanted) made += await answer(wanted - made);
  return made;
};

const golekSide = async (
  streams: number,
  { model = golekTiny.path, threads, tokens }: GgufBenchOptions,
): Promise<Side & AsyncDisposable> => {
  const provider = createGgufProvider({
    threads,
    parallel: streams,
    contextSize: CONTEXT,
    flashAttention: FLASH_ATTENTION,
    gpu: false,
  });
  const { signal } = new AbortController();
  const session = await provider.open({ name: 'bench', location: model }, { signal });
  const answer = async (left: number): Promise<number> => {
    const request = {
      task: 'generate',
      model: 'bench',
      input: { type: 'text', prompt: PROMPT },
      maxTokens: left,
      sampling: { temperature: 0 },
    } as const;
    return (await collect(session.run(request, { id: 'bench', signal }))).usage?.completionTokens ?? 0;
  };
  return {
    name: `golek session, ${streams} streams`,
    pid: process.pid,
    work: async () => {
      const made = await Promise.all(Array.from({ length: streams }, () => untilTokens(tokens, answer)));
      return made.reduce((sum, count) => sum + count, 0);
    },
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
};

const bareSide = async (
  streams: number,
  { model: modelPath = golekTiny.path, threads, tokens }: GgufBenchOptions,
): Promise<Side & AsyncDisposable> => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: CONTEXT,
    sequences: streams,
    threads,
    flashAttention: FLASH_ATTENTION,
  });
  const sequences = Array.from({ length: streams }, () => context.getSequence());
  const prompt = model.tokenize(PROMPT, true);
  return {
    name: `bare node-llama-cpp evaluate(), ${streams} streams`,
    pid: process.pid,
    work: async () => {
      const made = await Promise.all(
        sequences.map((sequence) =>
          untilTokens(tokens, async (left) => {
            await sequence.clearHistory();
            let count = 0;
            for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
              model.detokenize([token]);
              count += 1;
              if (count >= left || model.isEogToken(token)) break;
            }
            return count;
          }),
        ),
      );
      return made.reduce((sum, count) => sum + count, 0);
    },
    [Symbol.asyncDispose]: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
};

/** Compares both at one and at four streams. */
export const ggufBench = async (options: GgufBenchOptions): Promise<Comparison[]> => {
  const results: Comparison[] = [];
  for (const streams of [1, 4]) {
    await using golek = await golekSide(streams, options);
    await using bare = await bareSide(streams, options);
    results.push(...(await alternate([golek, bare], options.rounds, [process.pid])));
  }
  return results;
};
