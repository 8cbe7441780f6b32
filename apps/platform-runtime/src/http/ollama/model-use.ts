import { GolekError, type InferenceEvent, type ModelManifest } from '@golek/api';
import type { ModelRegistry, SessionPool } from '@golek/kernel';
import type { AnswerClock } from '@golek/protocols/ollama';
import type { Exchange } from '../exchange.ts';
import { withStart } from '../noted-start.ts';

export interface ModelUseDeps {
  readonly models: Pick<ModelRegistry, 'resolve'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load' | 'unload'>;
}

const KEEP_ALIVE_WARNING =
  "'keep_alive' changed nothing: it needs the scope 'admin', since it counts for everybody who uses the model";

/** What a caller's `keep_alive` comes to. */
export interface GrantedKeepAlive {
  readonly keepAliveMs: number | undefined;
  readonly warnings: readonly string[];
}

export const grantKeepAlive = (
  { principal }: Pick<Exchange, 'principal'>,
  keepAliveMs: number | undefined,
): GrantedKeepAlive =>
  keepAliveMs === undefined || principal.scopes.includes('admin')
    ? { keepAliveMs, warnings: [] }
    : { keepAliveMs: undefined, warnings: [KEEP_ALIVE_WARNING] };

/** What requests do to the life of models, and what was measured of it. */
export class ModelUse {
  readonly #deps: ModelUseDeps;

  constructor(deps: ModelUseDeps) {
    this.#deps = deps;
  }

  /** Loads a model; it stays so long, in milliseconds, after its last use. */
  async load(
    { name }: Pick<ModelManifest, 'name'>,
    signal: AbortSignal,
    keepAliveMs: number | undefined,
  ): Promise<void> {
    const { models, sessions } = this.#deps;
    const entry = models.resolve(name);
    if (!entry) throw new GolekError('model_not_found', `model '${name}' was removed while the request was on its way`);
    await sessions.load(entry, signal, keepAliveMs === undefined ? {} : { keepAliveMs });
  }

  /** Unloads models once no run uses them. Throws `permission_denied` for a caller who may not administer the server. */
  async unload({ signal, principal }: Exchange, targets: readonly ModelManifest[]): Promise<void> {
    if (!principal.scopes.includes('admin')) {
      throw new GolekError('permission_denied', "to unload a model with 'keep_alive' 0 needs the scope 'admin'", {
        details: { scope: 'admin' },
      });
    }
    for (const { name } of targets) await this.#deps.sessions.unload(name, signal);
  }

  /** The events of a run, with a clock that knows how long its model was waited for. The model that answers stays so long, in milliseconds. */
  follow(
    events: AsyncIterable<InferenceEvent>,
    exchange: Exchange,
    keepAliveMs: number | undefined,
  ): { readonly events: AsyncIterable<InferenceEvent>; readonly clock: AnswerClock } {
    const { sessions } = this.#deps;
    const { receivedAt, signal } = exchange;
    let loadMs: number | undefined;
    return {
      events: withStart(events, ({ model }) => {
        const { openedAt } = sessions.status(model);
        if (openedAt !== undefined) loadMs = Math.max(0, openedAt - receivedAt);
        // It is open, so this waits for nothing.
        return keepAliveMs === undefined ? undefined : this.load({ name: model }, signal, keepAliveMs);
      }),
      clock: { ...clockOf(exchange), loadMs: () => loadMs },
    };
  }
}

/** A clock for an answer that no model makes. */
export const clockOf = ({ receivedAt }: Pick<Exchange, 'receivedAt'>): AnswerClock => ({
  now: () => new Date().toISOString(),
  elapsedMs: () => performance.now() - receivedAt,
  loadMs: () => undefined,
});
