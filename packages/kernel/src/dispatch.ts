import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler } from '@golek/plugins-api';
import type { ModelRegistry } from './models/model-registry.ts';
import type { SessionPool } from './models/session-pool.ts';

/**
 * The innermost handler: leases the session of the routed target and runs the request on it. `start` is given together with the
 * provider's first event, so that a failure before it can still get a status of its own.
 */
export const dispatcher = (models: ModelRegistry, sessions: Pick<SessionPool, 'lease'>): Handler =>
  async function* dispatch(call): AsyncGenerator<InferenceEvent> {
    const target = call.routing?.targets[0];
    if (!target) throw new GolekError('internal', 'the request reached the dispatch without a routing decision');
    const entry = models.resolve(target.model);
    if (!entry)
      throw new GolekError('model_not_found', `model '${target.model}' was removed while the request was on its way`);
    const lease = await sessions.lease(entry, call.signal);
    try {
      let started = false;
      const context = { id: call.id, signal: call.signal, traceparent: call.trace.traceparent };
      for await (const event of lease.session.run(call.request, context)) {
        if (!started) {
          started = true;
          yield { type: 'start', model: target.model, provider: target.provider };
        }
        yield event;
      }
    } catch (thrown) {
      throw GolekError.from(thrown, 'provider_failed');
    } finally {
      lease.release();
    }
  };
