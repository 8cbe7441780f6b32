import { GolekError } from '@golek/providers-spi';
import type { SequenceMemory } from '../binding.ts';
import { hasSlidingWindow } from './sliding-window.ts';

/** Which cells of a full sequence make room: those of positions `start` … `end` - 1; what follows moves up. */
export interface ShiftPlan {
  readonly start: number;
  readonly end: number;
}

/** The older half of what need not be kept, so that shifts are rare: each moves every cell that stays. Undefined when there is nothing. */
export const planShift = (held: number, keep: number): ShiftPlan | undefined => {
  const discarded = Math.floor((held - keep) / 2);
  return discarded > 0 ? { start: keep, end: keep + discarded } : undefined;
};

/** Discards cells of a full sequence. Returns how many; throws where the engine cannot. */
export const shiftCells = (
  memory: Pick<SequenceMemory, 'remove' | 'shift'>,
  { id, cached }: { readonly id: number; readonly cached: number[] },
  keep: number,
): number => {
  const plan = planShift(cached.length, keep);
  if (!plan || !memory.remove(id, plan.start, plan.end))
    throw new GolekError('context_length_exceeded', 'the context is full, and none of it can be discarded', {
      details: { contextLength: cached.length },
    });
  const discarded = plan.end - plan.start;
  memory.shift(id, plan.end, cached.length, -discarded);
  cached.splice(plan.start, discarded);
  return discarded;
};

export interface KeepRequest {
  /** As in the options. */
  readonly keepTokens: number | undefined;
  readonly prompt: number;
  readonly contextSize: number;
}

/** Tokens at the start that stay. At least one: models give the first token a weight that they need. At most half, so that there is something to discard. */
export const keptTokens = ({ keepTokens, prompt, contextSize }: KeepRequest): number =>
  Math.max(1, Math.min(keepTokens ?? prompt, prompt, contextSize >> 1));

/**
 * Architectures whose cells can be moved: attention over all positions, positions by rotation. A list of those that can, because llama.cpp ends its process where
 * it cannot, and the binding does not tell.
 */
const MOVABLE = new Set([
  'llama',
  'qwen',
  'qwen2',
  'qwen2moe',
  'qwen3',
  'qwen3moe',
  'gemma',
  'phi2',
  'phi3',
  'stablelm',
  'starcoder2',
  'olmo',
  'olmo2',
  'olmoe',
  'granite',
  'granitemoe',
  'internlm2',
  'command-r',
  'deepseek',
  'smollm3',
  'exaone',
  'baichuan',
  'minicpm',
]);

export interface ShiftableModel {
  readonly name: string;
  readonly architecture: string;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly swaFullCache: boolean;
}

/** Throws `unsupported` for a model whose cells cannot be moved, naming why. */
export const requireShift = ({ name, architecture, metadata, swaFullCache }: ShiftableModel): void => {
  const refuse = (reason: string): never => {
    throw new GolekError(
      'unsupported',
      `contextOverflow 'shift' of the model '${name}': ${reason}; set it to 'error'`,
      { details: { option: 'contextOverflow', model: name, architecture } },
    );
  };
  if (!MOVABLE.has(architecture)) refuse(`the cells of the architecture '${architecture}' are not known to be movable`);
  if (metadata.has(`${architecture}.rope.dimension_sections`)) refuse('its positions have several dimensions');
  if (hasSlidingWindow(metadata) && !swaFullCache)
    refuse('its sliding-window attention keeps a part of the context only (swaFullCache: true keeps all of it)');
};
