import { GolekError, type Usage } from '@golek/api';
import { completionUsage } from './completion-usage.ts';

/** The chunk that ends a stream with its token counts, after the constant `head`. Throws `provider_failed` when there are none. */
export const usageTail = (head: string, usage: Usage | undefined): string => {
  if (!usage) throw new GolekError('provider_failed', 'the provider gave no token counts');
  return `${head}"choices":[],"usage":${JSON.stringify(completionUsage(usage))}}\n\n`;
};
