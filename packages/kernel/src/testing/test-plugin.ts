import {
  collect,
  GolekError,
  LOCAL_PRINCIPAL,
  SILENT_LOG,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type Log,
  type Principal,
} from '@golek/api';
import type { Plugin, RouteResponse } from '@golek/plugins-api';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { createCall } from '../create-call.ts';
import { dispatcher } from '../dispatch.ts';
import { Engine } from '../engine.ts';
import { EventBus } from '../events/event-bus.ts';
import { ExtensionPoints } from '../extensions/extension-points.ts';
import { ModelRegistry } from '../models/model-registry.ts';
import { SessionPool } from '../models/session-pool.ts';
import { routePhase } from '../phases/route-phase.ts';
import { PluginManager } from '../plugins/plugin-manager.ts';
import type { PluginStatus } from '../plugins/plugin-record.ts';
import { programPlugin } from '../plugins/plugin-source.ts';
import { matchPath } from './match-path.ts';

export interface PluginTestOptions {
  /** The plugin's options, as a configuration would give them. */
  readonly options?: unknown;
  /** Plugins that it needs; started before it. */
  readonly requires?: readonly Plugin[];
  /** Fake models by name, beside `echo`, which answers a prompt with its own words. */
  readonly models?: Readonly<Record<string, FakeModel>>;
  /** Gets the plugin's log lines. */
  readonly log?: Log;
}

export interface TestRequest {
  /** Path, with a query where there is one. */
  readonly path: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly principal?: Principal;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body as text. */
  readonly body: string;
}

/** A plugin at work in a kernel of its own. */
export interface PluginTest extends AsyncDisposable {
  /** State, version, what it contributes. */
  readonly status: PluginStatus;
  /** The text that a model answers, after all phases. */
  ask(prompt: string, model?: string): Promise<string>;
  /** The events of a request, through all phases. */
  infer(request: InferenceRequest): AsyncIterable<InferenceEvent>;
  /** Calls a route of the plugin. Throws `route_not_found` where it has none that fits, and what the route throws. */
  fetch(request: TestRequest): Promise<TestAnswer>;
  /** Who the plugin's authenticators say that this is; undefined when none knows. */
  authenticate(headers: Readonly<Record<string, string>>): Promise<Principal | undefined>;
  /** Registers a model of a provider that the plugin brings. */
  register(model: { readonly name: string; readonly location: string; readonly provider: string }): Promise<void>;
  /** Asks the plugin's health checks, and gives the new status. */
  checkHealth(): Promise<PluginStatus>;
}

const LIMITS = { startLimitMs: 10_000, stopLimitMs: 10_000, drainLimitMs: 10_000, healthLimitMs: 10_000 };

const wordsOf = ({ input }: GenerateRequest): readonly string[] => {
  const text =
    input.type === 'chat'
      ? input.messages
          .at(-1)
          ?.content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
          .join('')
      : input.prompt;
  return String(text ?? '').split(/(?<= )/);
};

const textOf = async ({ body = '' }: RouteResponse): Promise<string> => {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
};

/**
 * Starts a plugin in a real kernel over a fake provider, without a server. Throws what keeps the plugin from starting.
 *
 * @example
 * await using test = await testPlugin(plugin, { options: { greeting: 'Hi' } });
 * assert.equal(await test.ask('hello'), 'HELLO');
 */
export const testPlugin = async (plugin: Plugin, given: PluginTestOptions = {}): Promise<PluginTest> => {
  const { options, requires = [], models = {}, log = SILENT_LOG } = given;
  const stopping = new AbortController();
  const { signal } = stopping;
  const all: Record<string, FakeModel> = { echo: { answer: wordsOf }, ...models };
  const provider = fakeProvider({ models: all });
  const registry = new ModelRegistry();
  const events = new EventBus({ node: 'test', log });
  const extensions = new ExtensionPoints({ phases: [routePhase(registry)], providers: [provider] });
  const sessions = new SessionPool({ providers: extensions.providers, events });
  const engine = new Engine({ phases: extensions.phases, dispatch: dispatcher({ models: registry, sessions }), log });
  const infer = (request: InferenceRequest): AsyncIterable<InferenceEvent> =>
    engine.run(createCall({ request, signal }));
  const manager = new PluginManager({
    extensions,
    events,
    infer: (request, asked) => engine.run(createCall({ request, ...asked })),
    settings: () => ({ ...LIMITS, options: { [plugin.name]: options } }),
    log,
  });
  for (const name of Object.keys(all)) {
    const source = { name, location: name };
    registry.register({ source, manifest: await provider.inspect(source, { signal }) });
  }

  const close = async (): Promise<void> => {
    await engine.drain(0);
    await manager[Symbol.asyncDispose]();
    stopping.abort(new GolekError('shutting_down', 'the test has ended'));
    await sessions[Symbol.asyncDispose]();
  };

  try {
    for (const each of [...requires, plugin]) {
      manager.declare(programPlugin(each));
      await manager.start(each.name);
    }
  } catch (thrown) {
    await close();
    throw thrown;
  }

  return {
    get status() {
      return manager.status(plugin.name);
    },
    infer,
    ask: async (prompt, model = 'echo') => {
      const { choices } = await collect(infer({ task: 'generate', model, input: { type: 'text', prompt } }));
      return choices[0]?.text ?? '';
    },
    fetch: async ({ path, method = 'GET', headers = {}, body = '', principal = LOCAL_PRINCIPAL }) => {
      const { pathname, searchParams } = new URL(path, 'http://test');
      for (const route of extensions.routes.items) {
        const params = route.method === method ? matchPath(route.path, pathname) : undefined;
        if (!params) continue;
        const answer = await route.handle({
          id: 'test',
          method,
          path: pathname,
          query: searchParams,
          params,
          headers,
          body: Buffer.from(body),
          principal,
          signal,
        });
        return { status: answer.status ?? 200, headers: answer.headers ?? {}, body: await textOf(answer) };
      }
      throw new GolekError('route_not_found', `plugin '${plugin.name}' has no route for ${method} ${pathname}`);
    },
    authenticate: async (headers) => {
      const authenticators = extensions.authenticators.items.toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0));
      for (const authenticator of authenticators) {
        const principal = await authenticator.authenticate({ headers, remoteAddress: '127.0.0.1' }, signal);
        if (principal) return principal;
      }
      return undefined;
    },
    register: async ({ name, location, provider: id }) => {
      const found = extensions.providers.items.find((each) => each.id === id);
      if (!found) throw new GolekError('model_not_found', `plugin '${plugin.name}' brings no provider '${id}'`);
      const source = { name, location };
      registry.register({ source, manifest: await found.inspect(source, { signal }) });
    },
    checkHealth: async () => {
      await manager.checkHealth();
      return manager.status(plugin.name);
    },
    [Symbol.asyncDispose]: close,
  };
};
