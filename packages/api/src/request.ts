import { z } from 'zod';
import { AudioPart, ImagePart, Message } from './content.ts';
import { NamedTensor } from './tensor.ts';

/** A JSON Schema document (draft 2020-12 vocabulary; which keywords an engine can enforce is the provider's matter). */
export const JsonSchema = z.record(z.string(), z.unknown());
export type JsonSchema = z.infer<typeof JsonSchema>;

export const Tool = z
  .strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    /** JSON Schema of the arguments object. */
    parameters: JsonSchema.optional(),
    /** True when the arguments must match the schema exactly. */
    strict: z.boolean().optional(),
  })
  .meta({ id: 'Tool' });
export type Tool = z.infer<typeof Tool>;

export const ToolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['auto', 'none', 'required']) }),
  z.strictObject({ type: z.literal('tool'), name: z.string() }),
]);
export type ToolChoice = z.infer<typeof ToolChoice>;

/** How tokens are chosen. What is absent is left to the model's defaults. */
export const Sampling = z
  .strictObject({
    /** 0 means greedy. */
    temperature: z.number().min(0).max(100).optional(),
    /** Nucleus: keep the smallest set of tokens whose probability reaches this. 1 keeps all. */
    topP: z.number().min(0).max(1).optional(),
    /** Keep the k most probable tokens. 0 keeps all. */
    topK: z.int().min(0).optional(),
    /** Keep tokens at least this probable relative to the best one. 0 keeps all. */
    minP: z.number().min(0).max(1).optional(),
    /** 32-bit; the same seed, request and engine give the same tokens. */
    seed: z.int().min(0).max(0xffffffff).optional(),
    frequencyPenalty: z.number().min(-2).max(2).optional(),
    presencePenalty: z.number().min(-2).max(2).optional(),
    /** Multiplicative penalty as in CTRL (Keskar et al. 2019); 1 is none. */
    repeatPenalty: z.number().positive().max(10).optional(),
    /** The three penalties count so many tokens at the end of the answer. Absent: all of it. 0 turns them off. */
    repeatLastTokens: z.int().min(0).optional(),
    /** Exclude top choices: with this probability, all tokens but the least likely of those above the threshold are dropped. */
    xtc: z
      .strictObject({
        /** 0 is never. */
        probability: z.number().min(0).max(1),
        /** Above 0.5 nothing is ever dropped. */
        threshold: z.number().min(0).max(1),
      })
      .optional(),
    /** "Don't repeat yourself": a token that would continue a repetition of n tokens loses multiplier × base^(n − allowedLength). */
    dry: z
      .strictObject({
        /** 0 is none. */
        multiplier: z.number().min(0).max(100),
        base: z.number().min(1).max(100).optional(),
        /** Repetitions of so many tokens are free. */
        allowedLength: z.int().min(0).max(1e6).optional(),
        /** How far back repetitions are looked for, tokens. Absent: the whole answer. 0 turns it off. */
        lastTokens: z.int().min(0).optional(),
        /** Texts that no repetition goes across. Few and short: engines compare each with their whole vocabulary. */
        sequenceBreakers: z.array(z.string().min(1).max(16)).max(8).optional(),
      })
      .optional(),
    /** Token id → value added to its logit. */
    logitBias: z
      .record(z.string().regex(/^\d+$/, 'a token id is a non-negative integer'), z.number().min(-100).max(100))
      .optional(),
  })
  .meta({ id: 'Sampling' });
export type Sampling = z.infer<typeof Sampling>;

/** How much a model thinks before it answers, for models that can be told. */
const Reasoning = z
  .strictObject({
    enabled: z.boolean().optional(),
    effort: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh', 'max']).optional(),
    /** About how many tokens it may think at most: a guide for models that can be told, no bound. */
    budgetTokens: z.int().min(1).optional(),
  })
  .meta({ id: 'Reasoning' });

/** What chat templates are given by name are these; anything else of them is the engine's. */
const TEMPLATE_OPTION = /^[A-Za-z_]\w{0,63}$/;
const MAX_TEMPLATE_OPTIONS = 16;
const MAX_TEMPLATE_OPTIONS_LENGTH = 4096;

/** Values for variables that a model's chat template reads, as its documentation names them (such as `enable_thinking`). */
export const TemplateOptions = z
  .record(z.string().regex(TEMPLATE_OPTION, 'the name of a template variable is letters, digits and _'), z.json())
  .refine((options) => Object.keys(options).length <= MAX_TEMPLATE_OPTIONS, `at most ${MAX_TEMPLATE_OPTIONS} are taken`)
  .refine(
    (options) => JSON.stringify(options).length <= MAX_TEMPLATE_OPTIONS_LENGTH,
    `together they may have ${MAX_TEMPLATE_OPTIONS_LENGTH} characters of JSON`,
  );

export const OutputFormat = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    /** Any JSON object. */
    z.strictObject({ type: z.literal('json') }),
    z.strictObject({ type: z.literal('json-schema'), name: z.string().optional(), schema: JsonSchema }),
    /** A grammar in GBNF, llama.cpp's notation. */
    z.strictObject({ type: z.literal('grammar'), grammar: z.string() }),
  ])
  .meta({ id: 'OutputFormat' });
export type OutputFormat = z.infer<typeof OutputFormat>;

const Tokens = z.array(z.int().min(0));

export const AdapterChoice = z
  .strictObject({
    name: z.string().min(1).max(256),
    /** Strength of its changes; absent: what the model's options say, else 1. 0 is none. */
    scale: z.number().min(-100).max(100).optional(),
  })
  .meta({ id: 'AdapterChoice' });
export type AdapterChoice = z.infer<typeof AdapterChoice>;

const base = {
  /** Name or alias of a registered model. */
  model: z.string().min(1),
  /** The caller's opaque name of its own user, for logs and limits. */
  user: z.string().max(512).optional(),
};

const GenerateInput = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('chat'),
    messages: z.array(Message).min(1),
    tools: z.array(Tool).optional(),
    toolChoice: ToolChoice.optional(),
    /** False: at most one tool call in an answer. */
    parallelToolCalls: z.boolean().optional(),
    reasoning: Reasoning.optional(),
    templateOptions: TemplateOptions.optional(),
  }),
  /** Raw text or tokens, continued without a chat template. */
  z.strictObject({
    type: z.literal('text'),
    prompt: z.union([z.string(), Tokens]),
    /** What follows the answer: the model fills in what is missing between prompt and suffix. */
    suffix: z.string().min(1).optional(),
    echo: z.boolean().optional(),
  }),
]);

export const GenerateRequest = z
  .strictObject({
    task: z.literal('generate'),
    ...base,
    input: GenerateInput,
    sampling: Sampling.optional(),
    output: OutputFormat.optional(),
    /** Most tokens to generate for each choice. Absent: until the model stops or its context is full. */
    maxTokens: z.int().min(1).optional(),
    /** The answer ends before the first of these. */
    stop: z.array(z.string().min(1)).max(16).optional(),
    /** The answer ends before the first of these token ids, too. */
    stopTokens: z.array(z.int().min(0)).max(16).optional(),
    /** True: the model's end of turn is never chosen, so that only `maxTokens`, a stop or a full context ends an answer. */
    ignoreEos: z.boolean().optional(),
    /** What the weights are adapted with (LoRA), by the names that the model was loaded with. Absent: nothing. */
    adapters: z.array(AdapterChoice).max(16).optional(),
    /** How many independent answers. */
    choices: z.int().min(1).max(16).optional(),
    /** So many answers are made, and the `choices` of them with the highest mean log-probability of a token are given, best first. */
    bestOf: z.int().min(1).max(16).optional(),
    /** Natural-log probabilities of each token and of the `top` most probable ones, from the unmodified distribution. */
    logprobs: z.strictObject({ top: z.int().min(0).max(20) }).optional(),
  })
  .meta({ id: 'GenerateRequest' });
export type GenerateRequest = z.infer<typeof GenerateRequest>;

export const EmbedRequest = z
  .strictObject({
    task: z.literal('embed'),
    ...base,
    inputs: z
      .array(z.union([z.string(), Tokens]))
      .min(1)
      .max(2048),
    /** Cut vectors to this many components and normalise again (Matryoshka models). */
    dimensions: z.int().min(1).optional(),
  })
  .meta({ id: 'EmbedRequest' });
export type EmbedRequest = z.infer<typeof EmbedRequest>;

export const RerankRequest = z
  .strictObject({
    task: z.literal('rerank'),
    ...base,
    query: z.string(),
    documents: z.array(z.string()).min(1).max(2048),
    top: z.int().min(1).optional(),
  })
  .meta({ id: 'RerankRequest' });
export type RerankRequest = z.infer<typeof RerankRequest>;

export const ClassifyRequest = z
  .strictObject({
    task: z.literal('classify'),
    ...base,
    /** Texts, pictures or recordings, as the model takes them. */
    inputs: z
      .array(z.union([z.string(), z.discriminatedUnion('type', [ImagePart, AudioPart])]))
      .min(1)
      .max(2048),
    /** Return the best `top` labels of each input. */
    top: z.int().min(1).optional(),
  })
  .meta({ id: 'ClassifyRequest' });
export type ClassifyRequest = z.infer<typeof ClassifyRequest>;

export const TensorRequest = z
  .strictObject({
    task: z.literal('tensor'),
    ...base,
    /** None for a graph that takes none. */
    inputs: z.array(NamedTensor),
    /** Names of the outputs wanted; absent: all. */
    outputs: z.array(z.string()).optional(),
    /** What the model's server is told beside the tensors, by its own names: the id of a sequence, a priority … */
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  })
  .meta({ id: 'TensorRequest' });
export type TensorRequest = z.infer<typeof TensorRequest>;

export const TokenizeRequest = z
  .strictObject({
    task: z.literal('tokenize'),
    ...base,
    text: z.string(),
    /** Add the model's beginning-of-sequence token, where it has one. */
    addSpecial: z.boolean().optional(),
    /** Read the text of special tokens (such as <|im_end|>) as these tokens. */
    parseSpecial: z.boolean().optional(),
  })
  .meta({ id: 'TokenizeRequest' });
export type TokenizeRequest = z.infer<typeof TokenizeRequest>;

export const DetokenizeRequest = z
  .strictObject({ task: z.literal('detokenize'), ...base, tokens: Tokens })
  .meta({ id: 'DetokenizeRequest' });
export type DetokenizeRequest = z.infer<typeof DetokenizeRequest>;

/** How many tokens the prompt of a generate request has, the chat template and tools included; the answer is one `count`. */
export const CountRequest = z
  .strictObject({ task: z.literal('count'), ...base, input: GenerateInput })
  .meta({ id: 'CountRequest' });
export type CountRequest = z.infer<typeof CountRequest>;

/** What every protocol is translated to and every provider answers. */
export const InferenceRequest = z
  .discriminatedUnion('task', [
    GenerateRequest,
    EmbedRequest,
    RerankRequest,
    ClassifyRequest,
    TensorRequest,
    TokenizeRequest,
    DetokenizeRequest,
    CountRequest,
  ])
  .meta({ id: 'InferenceRequest' });
export type InferenceRequest = z.infer<typeof InferenceRequest>;

export const TASKS = [
  'generate',
  'embed',
  'rerank',
  'classify',
  'tensor',
  'tokenize',
  'detokenize',
  'count',
] as const satisfies readonly InferenceRequest['task'][];
export const Task = z.enum(TASKS);
export type Task = z.infer<typeof Task>;
