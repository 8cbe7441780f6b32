import { collect } from '@golek/api';
import { listModels } from '../../models/list-models.ts';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { chooseModel } from '../choose-model.ts';
import { showLoading } from '../loading-line.ts';
import { openLocalModel } from '../local-model.ts';
import type { BenchTarget } from './bench-target.ts';

/** A model in this process, through the same kernel as in the server. */
export const openLocalTarget = async (
  settings: PlatformSettings,
  model: string | undefined,
  signal: AbortSignal,
): Promise<BenchTarget> => {
  const chosen = chooseModel(await listModels(settings, signal), model, []);
  const local = await openLocalModel(settings, chosen, signal);
  const { name } = local.manifest;
  return {
    model: name,
    where: 'in this process',
    tokenize: async (text, ends) => {
      using _loading = showLoading(name, () => local.status());
      const request = { task: 'tokenize' as const, model: name, text, addSpecial: false, parseSpecial: false };
      return (await collect(local.run(request, ends))).tokens;
    },
    answer: async (prompt, tokens, onText, ends) => {
      const request = {
        task: 'generate' as const,
        model: name,
        input: { type: 'text' as const, prompt },
        maxTokens: tokens,
        ignoreEos: true,
        sampling: { temperature: 0 },
      };
      let count = { promptTokens: 0, completionTokens: 0 };
      for await (const event of local.run(request, ends)) {
        if (event.type === 'text') onText();
        else if (event.type === 'usage') count = { ...count, ...event.usage };
      }
      return count;
    },
    [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
  };
};
