import type { LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import type { SamplerSettings } from './sampling-config.ts';
import type { Observation } from './token-logprobs.ts';

// The only file that touches private members of node-llama-cpp. docs/adr/0004 says why there is one.

/** The version whose private members are known; the package depends on exactly this one. */
export const BINDING_VERSION = '3.22.1';

declare const samplerBrand: unique symbol;
/** A native sampler: settings, random state, grammar state, penalties. For one sequence, one call at a time. */
export interface TokenSampler {
  readonly [samplerBrand]: true;
}

/** What a TokenSampler is behind its type. */
interface SamplerHandle {
  readonly sampler: NativeSampler;
  readonly grammar: object | undefined;
}

const handleOf = (sampler: TokenSampler): SamplerHandle => sampler as unknown as SamplerHandle;

/** The calls on one native context that generation needs. Sequence ids are 0 … sequences - 1, positions count from 0. */
export interface BatchContext {
  readonly sequences: number;
  /** Tokens that each sequence can hold. */
  readonly contextSize: number;
  /** Rows that one batch can hold. */
  readonly batchSize: number;
  /** Starts an empty batch for `rows` tokens. */
  begin(rows: number): void;
  /** Adds tokens of one sequence; returns the row to sample from when `sample` asks for the logits of the last one. */
  add(sequence: number, position: number, tokens: Uint32Array, sample: boolean): number | undefined;
  /** Evaluates the batch. Its rows can be sampled until the next one begins. */
  decode(): Promise<void>;
  /** Draws a token from a row and takes it into the sampler's state. */
  sample(row: number, sampler: TokenSampler): Promise<number>;
  /** The row's own logits: of `token`, of the most probable token, of the `top` most probable ones. */
  observe(row: number, token: number, top: number): Promise<Observation>;
  /** Drops what the cache holds of a sequence from a position on; false when the model's memory cannot be cut there. */
  truncate(sequence: number, position: number): boolean;
  /** First position that the cache still holds of a sequence; -1 when it holds none. */
  firstPosition(sequence: number): number;
  dispose(): Promise<void>;
}

/** Makes samplers and grammars for one model. */
export interface SamplerFactory {
  /** Throws `invalid_request` for a grammar that llama.cpp cannot read. */
  create(settings: SamplerSettings, grammar: string | undefined, contextSize: number): TokenSampler;
  /** Frees a sampler; no call with it may be in progress. */
  dispose(sampler: TokenSampler): void;
}

interface NativeSampler {
  applyConfig(config: Record<string, unknown>): void;
  dispose(): void;
}

interface NativeBindings {
  readonly AddonSampler: (new (model: object) => NativeSampler) & {
    canBeNextTokenForGrammarEvaluationState(grammar: object, token: number): boolean;
  };
  readonly AddonGrammar: new (grammar: string, options: { addonExports: object; rootRuleName: string }) => object;
  readonly AddonGrammarEvaluationState: new (model: object, grammar: object) => object;
}

type LogitsWanted = [tokens: number[], max: boolean, min: boolean, selected: boolean, top: number];

interface NativeContext {
  initBatch(rows: number): void;
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(row: number, sampler: NativeSampler): Promise<number>;
  sampleToken(
    row: number,
    sampler: NativeSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: LogitsWanted,
    totalWeight: boolean,
  ): Promise<[number, undefined, undefined, number[] | undefined, number | undefined]>;
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  getSequenceKvCacheMinPosition(sequence: number): number;
  setThreads(threads: number): void;
}

interface NativeModel {
  getTokenString(token: number): string;
  getTokenAttributes(token: number): number;
  detokenize(tokens: Uint32Array, special: boolean): string;
}

interface PrivateModel {
  readonly _model: NativeModel;
  readonly _llama: { readonly _bindings: NativeBindings };
}

interface PrivateContext {
  readonly _ctx: NativeContext;
}

const CONTEXT_CALLS = [
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'sampleToken',
  'removeTokenCellsFromSequence',
  'getSequenceKvCacheMinPosition',
  'setThreads',
] as const satisfies readonly (keyof NativeContext)[];
const MODEL_CALLS = [
  'getTokenString',
  'getTokenAttributes',
  'detokenize',
] as const satisfies readonly (keyof NativeModel)[];
const BINDING_CLASSES = [
  'AddonSampler',
  'AddonGrammar',
  'AddonGrammarEvaluationState',
] as const satisfies readonly (keyof NativeBindings)[];
const SAMPLER_CALLS = ['canBeNextTokenForGrammarEvaluationState'] as const;

/** Throws `model_load_failed` when the installed binding is not the one whose private members are used here. */
export const checkBindingVersion = (version: string): void => {
  if (version !== BINDING_VERSION) {
    throw new GolekError(
      'model_load_failed',
      `node-llama-cpp ${version} is installed, but this provider works with ${BINDING_VERSION} only; install that version`,
      { details: { installed: version, needed: BINDING_VERSION } },
    );
  }
};

const requireFunctions = (owner: unknown, what: string, names: readonly string[]): void => {
  const missing = names.filter((name) => typeof (owner as Record<string, unknown> | undefined)?.[name] !== 'function');
  if (missing.length > 0) {
    throw new GolekError(
      'model_load_failed',
      `this build of node-llama-cpp lacks ${what} ${missing.join(', ')}; reinstall version ${BINDING_VERSION}`,
      {
        details: { missing },
      },
    );
  }
};

const privateModel = (model: LlamaModel): PrivateModel => {
  const opened = model as unknown as Partial<PrivateModel>;
  requireFunctions(opened._model, 'the model calls', MODEL_CALLS);
  requireFunctions(opened._llama?._bindings, 'the classes', BINDING_CLASSES);
  requireFunctions(opened._llama?._bindings.AddonSampler, 'the sampler calls', SAMPLER_CALLS);
  return opened as PrivateModel;
};

/** The vocabulary calls that the public interface does not have. */
export const nativeVocabulary = (
  model: LlamaModel,
): {
  tokenText(token: number): string;
  attributes(token: number): number;
  detokenize(tokens: readonly number[]): string;
} => {
  const { _model: native } = privateModel(model);
  return {
    tokenText: (token) => native.getTokenString(token),
    attributes: (token) => native.getTokenAttributes(token),
    detokenize: (tokens) => native.detokenize(Uint32Array.from(tokens), true),
  };
};

export const samplerFactory = (model: LlamaModel): SamplerFactory => {
  const { _model: native, _llama } = privateModel(model);
  const bindings = _llama._bindings;
  return {
    create: (settings, grammar, contextSize) => {
      const state =
        grammar === undefined
          ? undefined
          : new bindings.AddonGrammarEvaluationState(native, parseGrammar(bindings, grammar));
      const sampler = new bindings.AddonSampler(native);
      sampler.applyConfig(nativeConfig(settings, state, contextSize));
      const handle: SamplerHandle = { sampler, grammar: state };
      return handle as unknown as TokenSampler;
    },
    dispose: (sampler) => handleOf(sampler).sampler.dispose(),
  };
};

const parseGrammar = (bindings: NativeBindings, grammar: string): object => {
  try {
    return new bindings.AddonGrammar(grammar, { addonExports: bindings, rootRuleName: 'root' });
  } catch (cause) {
    throw new GolekError(
      'invalid_request',
      'the grammar cannot be read by llama.cpp: see its GBNF notation, and that every rule is defined and none begins with itself',
      {
        cause,
      },
    );
  }
};

/** An absent key leaves a stage out; the penalty window is the whole context, so that it covers the whole answer. */
const nativeConfig = (
  settings: SamplerSettings,
  grammar: object | undefined,
  contextSize: number,
): Record<string, unknown> => ({
  temperature: settings.temperature,
  seed: settings.seed,
  ...(settings.topK > 0 && { topK: settings.topK }),
  ...(settings.topP < 1 && { topP: settings.topP }),
  ...(settings.minP > 0 && { minP: settings.minP }),
  ...(settings.penalties && {
    repeatPenalty: settings.penalties.repeat,
    repeatPenaltyFrequencyPenalty: settings.penalties.frequency,
    repeatPenaltyPresencePenalty: settings.penalties.presence,
    repeatPenaltyMaxTokens: contextSize,
    repeatPenaltyTokens: new Uint32Array(0),
  }),
  ...(settings.logitBias.length > 0 && {
    tokenBiasKeys: Uint32Array.from(settings.logitBias, ([token]) => token),
    tokenBiasValues: Float32Array.from(settings.logitBias, ([, bias]) => bias),
  }),
  ...(grammar && { grammarEvaluationState: grammar }),
});

const LAST_ONE = (length: number): Uint32Array => Uint32Array.of(length - 1);
const NONE = new Uint32Array(0);

/**
 * The batch calls of a context that no other code uses: sequences of the public interface must not be taken from it.
 * `contextSize` is what was asked for; llama.cpp may round it up.
 */
export const batchContext = (
  context: LlamaContext,
  { contextSize, threads }: { readonly contextSize: number; readonly threads: number },
): BatchContext => {
  const native = (context as unknown as Partial<PrivateContext>)._ctx;
  requireFunctions(native, 'the context calls', CONTEXT_CALLS);
  const ctx = native as NativeContext;
  const { _model: model, _llama } = privateModel(context.model);
  // A greedy sampler changes no logit: what it sees is the model's own distribution. One for each call in progress.
  const observers: NativeSampler[] = [];
  const idle: NativeSampler[] = [];
  const newObserver = (): NativeSampler => {
    const observer = new _llama._bindings.AddonSampler(model);
    observer.applyConfig({ temperature: 0 });
    observers.push(observer);
    return observer;
  };
  ctx.setThreads(threads);
  const canEnd = (grammar: object, token: number): boolean =>
    _llama._bindings.AddonSampler.canBeNextTokenForGrammarEvaluationState(grammar, token);
  return {
    sequences: context.totalSequences,
    contextSize,
    batchSize: context.batchSize,
    begin: (rows) => ctx.initBatch(rows),
    add: (sequence, position, tokens, sample) =>
      ctx.addToBatch(sequence, position, tokens, sample ? LAST_ONE(tokens.length) : NONE)[0],
    decode: () => ctx.decodeBatch(),
    sample: async (row, sampler) => {
      const { sampler: nativeSampler, grammar } = handleOf(sampler);
      const token = await ctx.sampleToken(row, nativeSampler);
      // Where a grammar leaves no token, this version draws the first one all the same, and ends the answer when that is an end token.
      const stuck =
        token < 0 || (grammar !== undefined && context.model.isEogToken(token as Token) && !canEnd(grammar, token));
      if (stuck)
        throw new GolekError('provider_failed', 'no token of the model can follow what the grammar asks for here');
      return token;
    },
    observe: async (row, token, top) => {
      const observer = idle.pop() ?? newObserver();
      try {
        // "selected" stands for the greatest logit: this version's "max" adds it only when it is there already.
        const wanted: LogitsWanted = [[token], false, false, true, top];
        const [, , , logits, weight] = await ctx.sampleToken(row, observer, false, false, wanted, true);
        if (!logits || weight === undefined) throw new GolekError('provider_failed', 'the engine gave no logits');
        return { logits, weight };
      } finally {
        idle.push(observer);
      }
    },
    truncate: (sequence, position) => ctx.removeTokenCellsFromSequence(sequence, position, -1),
    firstPosition: (sequence) => ctx.getSequenceKvCacheMinPosition(sequence),
    dispose: async () => {
      for (const observer of observers) observer.dispose();
      await context.dispose();
    },
  };
};
