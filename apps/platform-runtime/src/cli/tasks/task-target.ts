import type { InferenceRequest, InferenceResult, Task } from '@golek/api';

/** A request that is answered as a whole. */
export type TaskRequest = Extract<InferenceRequest, { task: 'embed' | 'rerank' | 'classify' | 'tensor' }>;

/** What commands read of an answer. */
export type TaskAnswer = Pick<InferenceResult, 'embeddings' | 'scores' | 'labels' | 'tensors' | 'warnings'>;

/** A model that does a task: in this process or behind a server. */
export interface TaskTarget extends AsyncDisposable {
  readonly model: string;
  /** The words of the command line that are not the model. */
  readonly words: readonly string[];
  run(request: TaskRequest, signal: AbortSignal): Promise<TaskAnswer>;
  /** Shows on a terminal how far the model is loaded. */
  showLoading(): Disposable;
}

/** What the command line says about the model. */
export interface ModelChoice {
  readonly task: Exclude<Task, 'generate' | 'tokenize' | 'detokenize'>;
  readonly flag: string | undefined;
  readonly words: readonly string[];
}
