import {
  GolekError,
  type InferenceEvent,
  type InferenceRequest,
  type RequestOption,
  type RunContext,
  type SessionLoad,
  type Task,
} from '@golek/providers-spi';
import type { OnnxGraph } from '../graph.ts';
import { countField } from '../text/json-fields.ts';
import { TextTokenizer } from '../text/text-tokenizer.ts';
import { TokenBytes } from '../text/token-bytes.ts';
import { wordRules } from '../text/token-surfaces.ts';
import { labelsOf, scoresOf } from './class-labels.ts';
import { classify, readLogits } from './classification.ts';
import { embed, vectorReader } from './embedding.ts';
import { CachedGraph, decoderPorts } from './generation/cached-graph.ts';
import { ChatPrompt } from './generation/chat-prompt.ts';
import { PARALLEL, TextGenerator } from './generation/generate.ts';
import { openMedia } from './media/open-media.ts';
import { rerank } from './reranking.ts';
import { traced } from './run-spans.ts';
import { endTokens, type PlanDetail, type TaskPlan, type TextDetail } from './task-plan.ts';
import type { InputRules } from './text-inputs.ts';
import { TextRuns } from './text-runs.ts';
import { classifyTokens, readTokenLogits } from './token-classification.ts';

/** What an open model does beside tensors. */
export interface OnnxTasks extends AsyncDisposable {
  readonly tasks: readonly Task[];
  readonly options: readonly RequestOption[];
  /** Runs that are worked on at the same time. */
  readonly parallel: number;
  readonly load: SessionLoad;
  /** Events without `start`. Throws `unsupported` for a task that is not in `tasks`. */
  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent>;
}

export interface OpenTasksOptions {
  /** Registered name of the model. */
  readonly name: string;
  readonly graph: OnnxGraph;
  /** Runs that may wait. */
  readonly queueLimit: number;
  /** Most tokens of a batch, where the model's options do not say. */
  readonly batchTokens: number;
}

/** Ways to answer a request, by its task. */
export interface Parts extends AsyncDisposable {
  readonly options: readonly RequestOption[];
  readonly load: SessionLoad;
  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent> | undefined;
}

const DEFAULT_BATCH_DELAY_MS = 2;

/** Runs whose inputs may stand in one batch. */
const TOGETHER = 64;

/** Makes a model with a plan ready to work; undefined where the plan has no task. The graph stays the caller's: it is disposed of after this. */
export const openTasks = (plan: TaskPlan, options: OpenTasksOptions): OnnxTasks | undefined => {
  const { name } = options;
  const { detail } = plan;
  if (!detail) return undefined;
  const { parts, tokenizer } = partsOf(detail, options);
  return {
    tasks: plan.tasks,
    options: parts.options,
    parallel: detail.task === 'generate' ? PARALLEL : TOGETHER,
    get load() {
      return parts.load;
    },
    run: (request, context) => {
      const events = parts.run(request, context);
      if (events) return traced(request.task, events, context);
      const counted = tokenizer && tokenEvents(name, tokenizer, request);
      if (counted) return counted;
      throw new GolekError('unsupported', `model '${name}' does not support the task '${request.task}'`, {
        details: { task: request.task, model: name },
      });
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  };
};

const partsOf = (
  detail: PlanDetail,
  options: OpenTasksOptions,
): { readonly parts: Parts; readonly tokenizer?: TextTokenizer } => {
  switch (detail.task) {
    case 'image-classify':
    case 'audio-classify':
    case 'voice-activity': {
      const { maxBatchDelayMs: maxDelayMs = DEFAULT_BATCH_DELAY_MS } = detail.options;
      return { parts: openMedia(detail, { ...options, maxDelayMs }) };
    }
    default: {
      const { tokenizer: file, tokenizerConfig } = detail.files;
      const tokenizer = new TextTokenizer(options.name, file, tokenizerConfig);
      return { parts: textPartsOf(detail, tokenizer, options), tokenizer };
    }
  }
};

const textPartsOf = (
  detail: TextDetail,
  tokenizer: TextTokenizer,
  { name, graph, queueLimit, batchTokens }: OpenTasksOptions,
): Parts => {
  const { files, options, output, ports, contextLength, pooling } = detail;
  const { maxBatchTokens = batchTokens, maxBatchDelayMs = DEFAULT_BATCH_DELAY_MS } = options;
  const rules: InputRules = {
    name,
    tokenizer,
    contextLength,
    truncate: options.truncate ?? 'files',
    filedLength: countField(files.sentences, 'max_seq_length'),
  };
  const runOptions = {
    name,
    graph,
    ports,
    output: output.name,
    padding: tokenizer.padding,
    queueLimit,
    maxBatchTokens,
    maxBatchDelayMs,
  };
  const parts = (runs: TextRuns<Float64Array>, run: Parts['run'], more: readonly RequestOption[] = []): Parts => ({
    options: ['input.tokens', ...more],
    get load() {
      return runs.load;
    },
    run,
    [Symbol.asyncDispose]: () => runs[Symbol.asyncDispose](),
  });
  switch (detail.task) {
    case 'embed': {
      const runs = new TextRuns(runOptions, vectorReader(pooling));
      const last = output.dims.at(-1);
      const length = typeof last === 'number' && last > 0 ? last : undefined;
      const embedder = { rules, runs, length, normalize: options.normalize ?? true };
      return parts(
        runs,
        (request, context) => (request.task === 'embed' ? embed(embedder, request, context) : undefined),
        ['dimensions'],
      );
    }
    case 'classify': {
      const runs = new TextRuns(runOptions, readLogits);
      const classifier = {
        rules,
        runs,
        labels: labelsOf(files.config, options) ?? [],
        scores: scoresOf(files.config, output, options),
      };
      return parts(runs, (request, context) =>
        request.task === 'classify' ? classify(classifier, request, context) : undefined,
      );
    }
    case 'token-classify': {
      const runs = new TextRuns(runOptions, readTokenLogits);
      const classifier = {
        rules,
        runs,
        labels: labelsOf(files.config, options) ?? [],
        bytes: new TokenBytes(tokenizer, files.tokenizer),
        words: wordRules(files.tokenizer),
      };
      return parts(runs, (request, context) =>
        request.task === 'classify' ? classifyTokens(classifier, request, context) : undefined,
      );
    }
    case 'rerank': {
      const runs = new TextRuns(runOptions, readLogits);
      return parts(runs, (request, context) =>
        request.task === 'rerank' ? rerank({ rules, runs }, request, context) : undefined,
      );
    }
    case 'generate': {
      const generator = openGenerator(detail, name, tokenizer, graph, queueLimit);
      return {
        options: generator.options,
        get load() {
          return generator.load;
        },
        run: (request, context) => (request.task === 'generate' ? generator.run(request, context) : undefined),
        [Symbol.asyncDispose]: () => generator[Symbol.asyncDispose](),
      };
    }
  }
};

/** Tokens of prompt and answer where no file says how many the model was trained for. */
const DEFAULT_CONTEXT = 4_096;

const openGenerator = (
  { files, ports, outputs, output, contextLength = DEFAULT_CONTEXT }: TextDetail,
  name: string,
  tokenizer: TextTokenizer,
  graph: OnnxGraph,
  queueLimit: number,
): TextGenerator => {
  const { named } = tokenizer;
  const spelled = (token: string): string => {
    const id = named.get(token);
    return (id === undefined ? undefined : tokenizer.spelling(id)) ?? '';
  };
  const special = { bos_token: spelled('bos_token'), eos_token: spelled('eos_token') };
  const ends = new Set(endTokens(files));
  const end = named.get('eos_token');
  if (end !== undefined) ends.add(end);
  return new TextGenerator({
    name,
    graph: new CachedGraph(graph, ports, decoderPorts(ports, outputs) ?? { caches: [], keep: undefined }, output.name),
    tokenizer,
    bytes: new TokenBytes(tokenizer, files.tokenizer),
    template: files.chatTemplate === undefined ? undefined : new ChatPrompt(name, files.chatTemplate, special),
    contextLength,
    ends: [...ends],
    generation: files.generation,
    queueLimit,
  });
};

/** Answers that need no engine. */
const tokenEvents = (
  name: string,
  tokenizer: TextTokenizer,
  request: InferenceRequest,
): AsyncIterable<InferenceEvent> | undefined => {
  if (request.task === 'tokenize') {
    const { text, addSpecial = false, parseSpecial = false } = request;
    const plain = tokenizer.tokens(text, parseSpecial);
    const beginning = tokenizer.frameStart;
    return events({
      type: 'tokens',
      tokens: addSpecial && beginning !== undefined && plain[0] !== beginning ? [beginning, ...plain] : plain,
    });
  }
  if (request.task !== 'detokenize') return undefined;
  const wrong = request.tokens.find((token) => token >= tokenizer.size);
  if (wrong !== undefined)
    throw new GolekError(
      'invalid_request',
      `'tokens' has ${wrong}; the tokens of model '${name}' are 0 to ${tokenizer.size - 1}`,
      { details: { field: 'tokens' } },
    );
  return events(
    { type: 'text', choice: 0, text: tokenizer.decode(request.tokens) },
    { type: 'finish', choice: 0, reason: 'stop' },
  );
};

const events = async function* (...made: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent, void> {
  yield* made;
  yield { type: 'usage', usage: { promptTokens: 0, completionTokens: 0 } };
};
