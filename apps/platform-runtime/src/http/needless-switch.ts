import { GolekError, type CountRequest, type GenerateRequest, type InferenceEvent } from '@golek/api';
import type { ModelRegistry, SessionPool } from '@golek/kernel';
import type { Exchange } from './exchange.ts';
import { visibleModel } from './visible-models.ts';

export interface SwitchDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load'>;
}

/**
 * To turn thinking off is no demand on a model that cannot be told to: it is asked without. The model is loaded to know that.
 * @returns the same request where there is nothing to leave out.
 */
export const withoutNeedlessSwitch = async <R extends GenerateRequest | CountRequest>(
  request: R,
  { principal, signal }: Pick<Exchange, 'principal' | 'signal'>,
  { models, sessions }: SwitchDeps,
): Promise<R> => {
  const { input } = request;
  if (input.type !== 'chat' || input.reasoning?.enabled !== false) return request;
  const [{ name }, second] = visibleModel(models, request.model, principal).targets;
  // Which of several will answer is not known; each says for itself.
  if (second) return request;
  if (!sessions.status(name).capabilities) {
    const entry = models.resolve(name);
    if (!entry) throw new GolekError('model_not_found', `model '${name}' was removed while the request was on its way`);
    await sessions.load(entry, signal, {});
  }
  if (sessions.status(name).capabilities?.options.includes('reasoning.enabled') !== false) return request;
  const { reasoning: _off, ...rest } = input;
  return { ...request, input: rest };
};

/** The same events with a warning behind the first. */
export async function* withWarning(
  events: AsyncIterable<InferenceEvent>,
  message: string,
): AsyncGenerator<InferenceEvent, void, undefined> {
  for await (const event of events) {
    yield event;
    if (event.type === 'start') yield { type: 'warning', message };
  }
}
