import type { Usage } from '@golek/providers-spi';
import { asCount, type JsonObject } from '@golek/providers-spi/remote';

const NANOSECONDS_IN_MS = 1e6;

/** Token counts and times of an answer's last object; undefined where it does not tell the prompt's. Counts of 0 are left out there. */
export const readUsage = (object: JsonObject): Usage | undefined => {
  const promptTokens = asCount(object['prompt_eval_count']);
  if (promptTokens === undefined) return undefined;
  const prefill = asCount(object['prompt_eval_duration']);
  const decode = asCount(object['eval_duration']);
  return {
    promptTokens,
    completionTokens: asCount(object['eval_count']) ?? 0,
    ...(prefill !== undefined &&
      decode !== undefined && {
        timings: { prefillMs: prefill / NANOSECONDS_IN_MS, decodeMs: decode / NANOSECONDS_IN_MS },
      }),
  };
};
