import { GolekError } from '@golek/providers-spi';
import type { BatchContext } from '../binding.ts';
import type { Engine, EngineModel } from '../engine.ts';
import { readGgufFile } from '../gguf-file.ts';
import { factsOf } from '../gguf-manifest.ts';
import type { ResolvedOptions } from '../options.ts';
import { DraftModel, sharedTokens } from './draft-model.ts';
import { PromptLookup } from './prompt-lookup.ts';
import type { Speculation } from './speculation.ts';

export interface SpeculationSetup {
  /** Registered name of the model that is guessed for. */
  readonly name: string;
  readonly engine: Pick<Engine, 'load'>;
  readonly model: EngineModel;
  readonly options: ResolvedOptions;
  readonly contextSize: number;
  /** Bytes that both models may take at most. */
  readonly memoryLimitBytes: number | undefined;
  readonly signal: AbortSignal;
}

export interface OpenSpeculation {
  readonly speculation: Speculation;
  /** What it takes of the machine's memory, as estimated. */
  readonly memoryBytes: number;
}

/**
 * The way of guessing that the options ask for, undefined for none. Throws `config_invalid` for a draft model that has another vocabulary or is no model that
 * generates, and what loading one throws.
 */
export const openSpeculation = async (setup: SpeculationSetup): Promise<OpenSpeculation | undefined> => {
  const { options, model } = setup;
  const mayFollow = (token: number): boolean => !model.vocabulary.isEndOfGeneration(token);
  switch (options.speculation) {
    case 'off':
      return undefined;
    case 'prompt-lookup':
      return { speculation: new PromptLookup(mayFollow), memoryBytes: 0 };
    case 'draft-model':
      return openDraftModel(setup, mayFollow);
  }
};

const openDraftModel = async (
  { name, engine, model, options, contextSize, memoryLimitBytes, signal }: SpeculationSetup,
  mayFollow: (token: number) => boolean,
): Promise<OpenSpeculation> => {
  const path = options.draftModel;
  if (path === undefined)
    throw new GolekError(
      'config_invalid',
      `model '${name}': speculation 'draft-model' needs the file in 'draftModel'`,
      {
        details: { option: 'draftModel' },
      },
    );
  const file = await readGgufFile(path, signal);
  const facts = factsOf(file);
  if (!facts.tasks.includes('generate'))
    throw new GolekError('config_invalid', `model '${name}': the draft model '${path}' does not generate text`, {
      details: { option: 'draftModel' },
    });
  const draft = await engine.load({
    name: `${name} (draft model)`,
    path: file.path,
    options,
    threads: model.threads,
    // Where the sequence grows beyond it, nothing is guessed.
    contextSize: Math.min(contextSize, facts.contextLength ?? contextSize),
    generates: true,
    vectors: undefined,
    adapterBytes: 0,
    heads: facts.heads,
    memoryLimitBytes: memoryLimitBytes === undefined ? undefined : Math.max(0, memoryLimitBytes - model.memoryBytes),
    signal,
    onProgress: undefined,
  });
  try {
    const shared = sharedTokens(model.vocabulary, draft.vocabulary);
    if (shared === undefined)
      throw new GolekError(
        'config_invalid',
        `model '${name}' cannot use the draft model '${path}': their vocabularies differ; take a smaller model of the same family`,
        { details: { option: 'draftModel' } },
      );
    const context = await draft.createBatchContext(signal);
    await requireCuttable(context, path);
    const speculation = new DraftModel({
      context,
      samplers: draft.samplers,
      mayFollow: (token) => token < shared && mayFollow(token),
      dispose: () => draft.dispose(),
    });
    return { speculation, memoryBytes: draft.memoryBytes };
  } catch (error) {
    await draft.dispose();
    throw error;
  }
};

/**
 * Throws `config_invalid` for a model whose memory cannot forget the last tokens (recurrent and hybrid ones): wrong guesses could not be taken back. The context must
 * be empty, and is empty afterwards.
 */
export const requireCuttable = async (context: BatchContext, model: string): Promise<void> => {
  context.begin(2);
  context.add(0, 0, Uint32Array.of(0, 0), 1);
  await context.decode();
  const cuttable = context.truncate(0, 1);
  context.truncate(0, 0);
  if (cuttable) return;
  throw new GolekError(
    'config_invalid',
    `'${model}' cannot take part in speculative decoding: the memory of its architecture cannot take back tokens; set speculation to 'off'`,
    { details: { option: 'speculation' } },
  );
};
