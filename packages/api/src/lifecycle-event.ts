import { z } from 'zod';
import { HealthStatus } from './health.ts';

const failure = z.strictObject({ code: z.string(), message: z.string() });
const model = { model: z.string(), provider: z.string() };
const plugin = { plugin: z.string(), version: z.string() };

/** What happens to a runtime beside requests, as a tagged union. Names only: no prompt, no secret. */
export const LifecycleEvent = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('system.started') }),
    z.strictObject({ type: z.literal('system.stopping') }),
    z.strictObject({ type: z.literal('model.registered'), ...model }),
    z.strictObject({ type: z.literal('model.unregistered'), ...model }),
    z.strictObject({ type: z.literal('model.loading'), ...model }),
    z.strictObject({ type: z.literal('model.loaded'), ...model, durationMs: z.number().min(0) }),
    z.strictObject({ type: z.literal('model.failed'), ...model, error: failure }),
    /** `idle`: nobody used it for its keep-alive time; `evicted`: another model needed its place; `replaced`: the model or its provider was changed. */
    z.strictObject({
      type: z.literal('model.unloaded'),
      ...model,
      reason: z.enum(['idle', 'evicted', 'requested', 'replaced']),
    }),
    /** The engine of a loaded model crashed, is being restarted, or works again. */
    z.strictObject({ type: z.literal('model.health'), ...model, status: HealthStatus, reason: z.string().optional() }),
    z.strictObject({
      type: z.literal('breaker.opened'),
      ...model,
      reason: z.string(),
      retryAfterMs: z.number().min(0),
    }),
    z.strictObject({ type: z.literal('breaker.half-opened'), ...model }),
    z.strictObject({ type: z.literal('breaker.closed'), ...model, reason: z.enum(['recovered', 'reset']) }),
    /** A route (alias) was set, changed or removed. */
    z.strictObject({ type: z.literal('route.changed'), route: z.string(), targets: z.array(z.string()) }),
    z.strictObject({
      type: z.literal('canary.rolled-back'),
      route: z.string(),
      target: z.string(),
      reason: z.string(),
    }),
    z.strictObject({ type: z.literal('canary.promoted'), route: z.string(), target: z.string() }),
    z.strictObject({ type: z.literal('plugin.started'), ...plugin }),
    z.strictObject({ type: z.literal('plugin.replaced'), ...plugin, previous: z.string() }),
    z.strictObject({ type: z.literal('plugin.stopped'), ...plugin }),
    z.strictObject({ type: z.literal('plugin.failed'), ...plugin, error: failure }),
    z.strictObject({
      type: z.literal('plugin.health'),
      ...plugin,
      status: HealthStatus,
      reason: z.string().optional(),
    }),
    /** `keys` whose values changed; `restart`: those of them that take effect after a restart only. */
    z.strictObject({
      type: z.literal('config.changed'),
      keys: z.array(z.string()),
      restart: z.array(z.string()),
      source: z.string(),
    }),
    z.strictObject({ type: z.literal('config.refused'), source: z.string(), problems: z.array(z.string()) }),
  ])
  .meta({ id: 'LifecycleEvent' });
export type LifecycleEvent = z.infer<typeof LifecycleEvent>;
export type LifecycleEventType = LifecycleEvent['type'];

/** A lifecycle event as subscribers get it. */
export interface PublishedEvent {
  /** Rises by one with each event of a node. */
  readonly id: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** The node that it happened on. */
  readonly node: string;
  readonly event: LifecycleEvent;
}
