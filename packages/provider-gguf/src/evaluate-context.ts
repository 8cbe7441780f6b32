import type * as nodeLlamaCpp from 'node-llama-cpp';
import type {
  Llama,
  LlamaContext,
  LlamaContextSequence,
  LlamaModel,
  SequenceEvaluateOptions,
  Token,
  TokenBias,
} from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import type { SamplerFactory, TokenSampler } from './binding.ts';
import type { SamplerSettings } from './sampling-config.ts';
import type { Vocabulary } from './token-bytes.ts';

// Generation through the public interface of node-llama-cpp alone, for versions of it whose private members are not known.

/** One sequence of a context that evaluates for itself. Calls of one sequence must not overlap; the binding joins those of several into batches. */
export interface EvaluatedSequence {
  /** Tokens that its cells hold. */
  readonly cells: readonly number[];
  /** Drops what the cells hold from a position on, as far as the model can do that; more may be gone. */
  cut(position: number): Promise<void>;
  /** Evaluates tokens without an answer. */
  feed(tokens: Uint32Array): Promise<void>;
  /** Evaluates a token and gives those that follow; `answer` has those that were given before. Ends when it is left. */
  generate(token: number, sampler: TokenSampler, answer: readonly number[]): AsyncGenerator<number, void>;
}

export interface EvaluateContext {
  /** Tokens that each sequence can hold. */
  readonly contextSize: number;
  readonly sequences: readonly EvaluatedSequence[];
  dispose(): Promise<void>;
}

/** What a TokenSampler is behind its type where samplers are made here. */
type Recipe = (answer: readonly number[]) => SequenceEvaluateOptions;

const recipeOf = (sampler: TokenSampler): Recipe => sampler as unknown as Recipe;

type Grammars = Pick<typeof nodeLlamaCpp, 'LlamaGrammarEvaluationState' | 'LlamaGrammar' | 'TokenBias'>;

/** Samplers that are options of the binding's own sampling. */
export const evaluateSamplers = (llama: Llama, model: LlamaModel, binding: Grammars): SamplerFactory => ({
  create: (settings, grammar, contextSize) => {
    const grammarEvaluationState =
      grammar === undefined
        ? undefined
        : new binding.LlamaGrammarEvaluationState({ model, grammar: readGrammar(llama, binding, grammar) });
    const fixed: SequenceEvaluateOptions = {
      temperature: settings.temperature,
      topK: settings.topK,
      topP: settings.topP,
      minP: settings.minP,
      seed: settings.seed,
      yieldEogToken: true,
      ...(settings.xtc && { xtc: settings.xtc }),
      ...(settings.dry && { dryRepeatPenalty: dryOf(settings.dry, contextSize) }),
      ...(settings.logitBias.length > 0 && { tokenBias: biasOf(settings, binding.TokenBias.for(model)) }),
      ...(grammarEvaluationState && { grammarEvaluationState }),
    };
    const { penalties } = settings;
    const most = Math.min(penalties?.lastTokens ?? contextSize, contextSize);
    const recipe: Recipe = (answer) => ({
      ...fixed,
      ...(penalties && {
        repeatPenalty: {
          // It is asked for before each token.
          punishTokens: () => (most === 0 ? [] : answer.slice(-most)) as Token[],
          maxPunishTokens: most,
          penalty: penalties.repeat,
          frequencyPenalty: penalties.frequency,
          presencePenalty: penalties.presence,
        },
      }),
    });
    return recipe as unknown as TokenSampler;
  },
  // Their native parts belong to the binding, which frees them.
  dispose: () => undefined,
});

const readGrammar = (llama: Llama, { LlamaGrammar }: Grammars, grammar: string): InstanceType<typeof LlamaGrammar> => {
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- its successor gives a promise, and samplers are made at once
    return new LlamaGrammar(llama, { grammar });
  } catch (cause) {
    throw new GolekError(
      'invalid_request',
      'the grammar cannot be read by llama.cpp: see its GBNF notation, and that every rule is defined and none begins with itself',
      { cause, details: { option: 'output.grammar' } },
    );
  }
};

const dryOf = (
  dry: NonNullable<SamplerSettings['dry']>,
  contextSize: number,
): NonNullable<SequenceEvaluateOptions['dryRepeatPenalty']> => ({
  strength: dry.multiplier,
  base: dry.base,
  allowedLength: dry.allowedLength,
  lastTokens: Math.min(dry.lastTokens ?? contextSize, contextSize),
  sequenceBreakers: [...dry.sequenceBreakers],
});

/** Biases are added to logits, as in a request; the binding's own numbers are probabilities, and it leaves tokens that end an answer alone. */
const biasOf = ({ logitBias }: SamplerSettings, biases: TokenBias): TokenBias => {
  for (const [token, bias] of logitBias) biases.set(token as Token, { logit: bias });
  return biases;
};

/** The public interface's sequences of a context, all of them. */
export const evaluateContext = (context: LlamaContext, contextSize: number): EvaluateContext => ({
  contextSize,
  sequences: Array.from({ length: context.totalSequences }, () => evaluatedSequence(context.getSequence())),
  dispose: () => context.dispose(),
});

const evaluatedSequence = (sequence: LlamaContextSequence): EvaluatedSequence => ({
  get cells() {
    return sequence.contextTokens;
  },
  cut: async (position) => {
    const end = sequence.nextTokenIndex;
    if (position === 0) await sequence.clearHistory();
    else if (position < end) await sequence.eraseContextTokenRanges([{ start: position, end }]);
  },
  feed: (tokens) => sequence.evaluateWithoutGeneratingNewTokens([...tokens] as Token[]),
  generate: (token, sampler, answer) => sequence.evaluate([token as Token], recipeOf(sampler)(answer)),
});

/** The vocabulary as the public interface tells it. */
export const publicVocabulary = (model: LlamaModel): Pick<Vocabulary, 'tokenText' | 'attributes' | 'detokenize'> => ({
  tokenText: (token) => model.fileInfo.metadata.tokenizer.ggml.tokens[token] ?? '',
  attributes: (token) => {
    const { unknown, control, byte } = model.getTokenAttributes(token as Token);
    return (unknown ? 1 : 0) | (control ? 1 << 3 : 0) | (byte ? 1 << 5 : 0);
  },
  detokenize: (tokens) => model.detokenize(tokens as Token[], true),
});
