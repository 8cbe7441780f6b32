import { GolekError, InferenceEvent, InferenceRequest, LifecycleEvent, Principal } from '@golek/api';
import type {
  Handler,
  InferenceCall,
  Interceptor,
  PluginHost,
  RequestResult,
  TransformContext,
} from '@golek/plugins-api';
import type { LifecycleEventType } from '@golek/api';
import { answerOf, listed, RequestRun } from '../transform-phases.ts';
import { observerProxy } from './observer-proxy.ts';
import type { IsolatedPluginLimits } from './isolated-plugin-limits.ts';
import type { PluginSupervisor } from './plugin-supervisor.ts';
import { PluginHealthData, RouteResponseData, type Registrations } from './registrations.ts';
import { streamInterceptor } from './stream-interceptor.ts';

/** Everything that a proxy needs. */
export interface Proxied {
  readonly host: PluginHost;
  readonly supervisor: PluginSupervisor;
  readonly registered: Registrations;
  readonly plugin: string;
  readonly limits: IsolatedPluginLimits;
  readonly critical: boolean;
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } };
}
interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Checks what untrusted code gave. Throws `plugin_failed` naming the plugin and what is wrong. */
export const checked = <T>(schema: Schema<T>, value: unknown, plugin: string, what: string): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? ` at '${issue.path.map(String).join('.')}'` : '';
  throw new GolekError(
    'plugin_failed',
    `plugin '${plugin}' gave ${what} that is none${where}: ${issue?.message ?? ''}`,
    {
      details: { plugin },
    },
  );
};

export const contextOf = ({ id, principal, protocol }: InferenceCall): TransformContext => ({
  id,
  principal,
  protocol,
});

/** Registers a proxy for each part that the plugin registered in its process. */
export const registerProxies = (proxied: Proxied): void => {
  const { host, registered } = proxied;
  for (const [index, { name, order = 0, request, stream }] of registered.transforms.entries()) {
    // Retried by nobody: what killed the plugin once would kill it again.
    const common = { critical: true, retryable: false };
    if (request) {
      const intercept = requestInterceptor(proxied, index);
      host.phase({ ...common, phase: 'PRE_PROCESSING', name: `${name}.request`, order, intercept });
    }
    if (stream) {
      const intercept = streamInterceptor(proxied, index);
      // The innermost of POST_PROCESSING sees events first, and has the lowest number.
      host.phase({ ...common, phase: 'POST_PROCESSING', name: `${name}.stream`, order: -order, intercept });
    }
  }
  if (registered.observers.length > 0) {
    host.phase({ phase: 'OBSERVABILITY', name: 'observers', observe: observerProxy(proxied.supervisor) });
  }
  registerRoutes(proxied);
  registerAuthenticators(proxied);
  registerExporters(proxied);
  registerHealth(proxied);
  const types = registered.listens.filter((type): type is LifecycleEventType => LIFECYCLE_TYPES.has(type));
  if (types.length > 0) host.on(types, (event) => proxied.supervisor.tell({ type: 'lifecycle', event }));
};

const LIFECYCLE_TYPES: ReadonlySet<string> = new Set(LifecycleEvent.options.map(({ shape }) => shape.type.value));

const requestInterceptor = (proxied: Proxied, transform: number): Interceptor => {
  const { supervisor, plugin, limits, critical, host } = proxied;
  const begin = async (next: Handler, call: InferenceCall): Promise<AsyncIterator<InferenceEvent>> => {
    const { signal, request } = call;
    let result: RequestResult | undefined;
    try {
      const argument = { transform, request, context: contextOf(call) };
      result = resultOf(await supervisor.ask('request', argument, { signal, limitMs: limits.transformMs }), plugin);
    } catch (err) {
      if (critical || signal.aborted) throw err;
      host.log.error(
        { err, request: call.id, trace: call.trace.traceId },
        'a transform failed and was left out of the request',
      );
    }
    if (result && 'answer' in result) return listed(answerOf(result.answer, request.model, plugin));
    return next(result ? Object.freeze({ ...call, request: result.request }) : call)[Symbol.asyncIterator]();
  };
  return (next) => (call) => ({ [Symbol.asyncIterator]: () => new RequestRun(() => begin(next, call)) });
};

/** Undefined where the plugin gave nothing: the request goes on as it is. */
const resultOf = (value: unknown, plugin: string): RequestResult | undefined => {
  if (value === undefined) return undefined;
  const result = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  if (result['answer'] !== undefined) return { answer: checkedEvents(result['answer'], plugin) };
  return { request: checked(InferenceRequest, result['request'], plugin, 'a request') };
};

export const checkedEvents = (value: unknown, plugin: string): InferenceEvent[] => {
  if (!Array.isArray(value)) {
    throw new GolekError('plugin_failed', `plugin '${plugin}' gave no list of events`, { details: { plugin } });
  }
  return value.map((event) => checked(InferenceEvent, event, plugin, 'an event'));
};

const registerRoutes = ({ host, supervisor, registered, plugin, limits }: Proxied): void => {
  for (const [route, { method, path, scope }] of registered.routes.entries()) {
    host.route({
      method,
      path,
      ...(scope && { scope }),
      handle: async ({ signal, query, ...rest }) => {
        const { id, params, headers, body, principal } = rest;
        const request = {
          id,
          method: rest.method,
          path: rest.path,
          params,
          headers,
          body,
          principal,
          query: query.toString(),
        };
        const answer = await supervisor.ask('route', { route, request }, { signal, limitMs: limits.routeMs });
        const { status, headers: given, body: content } = checked(RouteResponseData, answer, plugin, 'an answer');
        return {
          ...(status !== undefined && { status }),
          ...(given && { headers: given }),
          ...(content !== undefined && { body: content }),
        };
      },
    });
  }
};

const registerAuthenticators = ({ host, supervisor, registered, plugin, limits }: Proxied): void => {
  for (const [authenticator, { name, order }] of registered.authenticators.entries()) {
    host.authenticator({
      name,
      ...(order !== undefined && { order }),
      authenticate: async (credentials, signal) => {
        const asking = { signal, limitMs: limits.checkMs };
        const answer = await supervisor.ask('authenticate', { authenticator, credentials }, asking);
        return answer === undefined ? undefined : checked(Principal, answer, plugin, 'a principal');
      },
    });
  }
};

const registerExporters = ({ host, supervisor, registered, limits }: Proxied): void => {
  for (const [exporter, { name, spans, metrics }] of registered.exporters.entries()) {
    const limitMs = limits.exportMs;
    host.exporter({
      name,
      ...(spans && {
        exportSpans: async (batch, signal) => {
          await supervisor.ask('spans', { exporter, spans: batch }, { signal, limitMs });
        },
      }),
      ...(metrics && {
        exportMetrics: async (data, signal) => {
          await supervisor.ask('metrics', { exporter, metrics: data }, { signal, limitMs });
        },
      }),
    });
  }
};

const registerHealth = ({ host, supervisor, registered, plugin, limits }: Proxied): void => {
  host.health(async () => {
    const { trouble } = supervisor;
    if (trouble || !registered.health) return trouble ?? { status: 'ok' };
    const asking = { signal: AbortSignal.timeout(limits.checkMs + limits.waitMs), limitMs: limits.checkMs };
    const answer = await supervisor.ask('health', undefined, asking);
    const { status, reason } = checked(PluginHealthData, answer, plugin, 'a health');
    return { status, ...(reason !== undefined && { reason }) };
  });
};
