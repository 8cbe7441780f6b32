import { z } from 'zod';
import { Message } from './content.ts';
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
    /** Token id → value added to its logit. */
    logitBias: z
      .record(z.string().regex(/^\d+$/, 'a token id is a non-negative integer'), z.number().min(-100).max(100))
      .optional(),
  })
  .meta({ id: 'Sampling' });
export type Sampling = z.infer<typeof Sampling>;

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

const base = {
  /** Name or alias of a registered model. */
  model: z.string().min(1),
  /** The caller's opaque name of its own user, for logs and limits. */
  user: z.string().max(512).optional(),
};

export const GenerateRequest = z
  .strictObject({
    task: z.literal('generate'),
    ...base,
    input: z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('chat'),
        messages: z.array(Message).min(1),
        tools: z.array(Tool).optional(),
        toolChoice: ToolChoice.optional(),
        /** False: at most one tool call in an answer. */
        parallelToolCalls: z.boolean().optional(),
      }),
      /** Raw text or tokens, continued without a chat template. */
      z.strictObject({ type: z.literal('text'), prompt: z.union([z.string(), Tokens]), echo: z.boolean().optional() }),
    ]),
    sampling: Sampling.optional(),
    output: OutputFormat.optional(),
    /** Most tokens to generate for each choice. Absent: until the model stops or its context is full. */
    maxTokens: z.int().min(1).optional(),
    /** The answer ends before the first of these. */
    stop: z.array(z.string().min(1)).max(16).optional(),
    /** How many independent answers. */
    choices: z.int().min(1).max(16).optional(),
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
    inputs: z.array(z.string()).min(1).max(2048),
    /** Return the best `top` labels of each input. */
    top: z.int().min(1).optional(),
  })
  .meta({ id: 'ClassifyRequest' });
export type ClassifyRequest = z.infer<typeof ClassifyRequest>;

export const TensorRequest = z
  .strictObject({
    task: z.literal('tensor'),
    ...base,
    inputs: z.array(NamedTensor).min(1),
    /** Names of the outputs wanted; absent: all. */
    outputs: z.array(z.string()).optional(),
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
] as const satisfies readonly InferenceRequest['task'][];
export const Task = z.enum(TASKS);
export type Task = z.infer<typeof Task>;
