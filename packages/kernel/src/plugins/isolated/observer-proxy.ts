import type { ObserverContribution } from '@golek/plugins-api';
import type { PluginSupervisor } from './plugin-supervisor.ts';

let watches = 0;

/** Tells the plugin's observers of calls; never waits for them. */
export const observerProxy =
  (supervisor: PluginSupervisor): ObserverContribution['observe'] =>
  ({ signal: _signal, overrides: _overrides, trace, ...call }) => {
    const watch = ++watches;
    const { traceId, spanId, traceparent } = trace;
    supervisor.tell({ type: 'begin', watch, call: { ...call, trace: { traceId, spanId, traceparent } } });
    return {
      event: (event) => supervisor.tell({ type: 'event', watch, event }),
      end: (outcome) =>
        supervisor.tell({
          type: 'end',
          watch,
          outcome: outcome.status === 'failed' ? { status: 'failed', error: outcome.error.toJSON() } : outcome,
        }),
    };
  };
