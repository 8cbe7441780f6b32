import { GolekError, type CountRequest, type GenerateRequest } from '@golek/api';
import type { ModelRegistry, SessionPool } from '@golek/kernel';
import type { SessionCapabilities } from '@golek/providers-spi';
import type { Exchange } from './exchange.ts';
import { visibleModel } from './visible-models.ts';

export interface SwitchDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load'>;
}

type Asked = GenerateRequest | CountRequest;
type Options = SessionCapabilities['options'];
type Asker = Pick<Exchange, 'principal' | 'signal'>;

/**
 * What the model may be asked for: of a route, what any of its targets may be. A model is loaded to know that; a route with a target that is not loaded is undefined, since
 * which of them will answer is not known.
 */
const optionsOf = async (
  model: string,
  { principal, signal }: Asker,
  { models, sessions }: SwitchDeps,
): Promise<Options | undefined> => {
  const { targets } = visibleModel(models, model, principal);
  const [{ name }, second] = targets;
  if (!second && !sessions.status(name).capabilities) {
    const entry = models.resolve(name);
    if (!entry) throw new GolekError('model_not_found', `model '${name}' was removed while the request was on its way`);
    await sessions.load(entry, signal, {});
  }
  const known = targets.map((target) => sessions.status(target.name).capabilities?.options);
  return known.includes(undefined) ? undefined : known.flatMap((options) => options ?? []);
};

/**
 * To turn thinking off is no demand on a model that cannot be told to: it is asked without.
 * @returns the same request where there is nothing to leave out.
 */
export const withoutNeedlessSwitch = async <R extends Asked>(request: R, asker: Asker, deps: SwitchDeps): Promise<R> =>
  request.input.type === 'chat' && request.input.reasoning?.enabled === false
    ? withoutVainThinking(request, asker, deps)
    : request;

/**
 * Whatever is said of thinking is no demand either, in a protocol whose clients say it to every model: what the model cannot be told is left out.
 * @returns the same request where there is nothing to leave out.
 */
export const withoutVainThinking = async <R extends Asked>(request: R, asker: Asker, deps: SwitchDeps): Promise<R> => {
  const { input } = request;
  if (input.type !== 'chat' || !input.reasoning) return request;
  const options = await optionsOf(request.model, asker, deps);
  const { reasoning, ...others } = input;
  const { enabled, budgetTokens, effort } = reasoning;
  const vain = {
    enabled: enabled !== undefined && options?.includes('reasoning.enabled') === false,
    effort: effort !== undefined && options?.includes('reasoning.effort') === false,
  };
  if (!vain.enabled && !vain.effort) return request;
  const heard = {
    ...(enabled !== undefined && !vain.enabled && { enabled }),
    ...(budgetTokens !== undefined && !vain.enabled && { budgetTokens }),
    ...(effort !== undefined && !vain.effort && { effort }),
  };
  return { ...request, input: { ...others, ...(Object.keys(heard).length > 0 && { reasoning: heard }) } };
};

/**
 * What a request says of thinking and the model is not asked for.
 * @param names of the two wishes in the caller's protocol.
 */
export const vainThinkingWarnings = (
  sent: GenerateRequest,
  asked: GenerateRequest,
  names: { readonly enabled: string; readonly effort: string },
): string[] => {
  if (sent === asked || sent.input.type !== 'chat' || asked.input.type !== 'chat') return [];
  const [before, after] = [sent.input.reasoning, asked.input.reasoning];
  return [
    ...(before?.enabled !== after?.enabled
      ? [`'${names.enabled}' changed nothing: the model has no switch for it`]
      : []),
    ...(before?.effort !== after?.effort ? [`'${names.effort}' changed nothing: the model cannot be told`] : []),
  ];
};
