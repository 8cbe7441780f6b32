import { GolekError } from '@golek/api/plain';
import type { Plugin } from '@golek/plugins-api';
import type { Command, Questions, Report } from '../messages.ts';
import { failureData } from './failure-data.ts';
import { limitedLog } from './limited-log.ts';
import { NoteReader } from './note-reader.ts';
import { PluginParts } from './plugin-parts.ts';
import { OpenStreams } from './open-streams.ts';

type Ask = Extract<Command, { type: 'ask' }>;

/** How each question is answered. */
type Answers = {
  readonly [Q in keyof Questions]: (
    argument: Questions[Q]['argument'],
    signal: AbortSignal,
  ) => Questions[Q]['answer'] | Promise<Questions[Q]['answer']>;
};

/** The child's side of the border: one plugin and the questions to it. */
export class PluginWorker {
  readonly #send: (report: Report) => void;
  readonly #parts: PluginParts;
  readonly #streams: OpenStreams;
  readonly #notes: NoteReader;
  readonly #working = new Map<number, AbortController>();
  readonly #stopping = new AbortController();
  readonly #loaded: () => Promise<Plugin>;

  constructor(module: string, send: (report: Report) => void) {
    this.#send = send;
    const log = limitedLog(send);
    this.#parts = new PluginParts(log, this.#stopping.signal);
    this.#streams = new OpenStreams(this.#parts);
    this.#notes = new NoteReader(this.#parts, log);
    let loading: Promise<Plugin> | undefined;
    this.#loaded = () => (loading ??= loadPlugin(module));
  }

  handle(command: Command): void {
    switch (command.type) {
      case 'ask':
        return void this.#answer(command);
      case 'abort':
        return this.#working.get(command.id)?.abort(GolekError.fromData(command.error));
      case 'close-stream':
        return this.#streams.close(command.stream);
      case 'notes':
        for (const note of command.notes) this.#notes.read(note);
        return;
      case 'ping':
        return this.#send({ type: 'pong' });
    }
  }

  async #answer({ id, question, argument }: Ask): Promise<void> {
    const controller = new AbortController();
    this.#working.set(id, controller);
    this.#send({ type: 'began', id });
    try {
      const answer = this.#answers[question] as (argument: unknown, signal: AbortSignal) => unknown;
      const value = await answer(argument, controller.signal);
      this.#send({ type: 'answer', id, value });
    } catch (thrown) {
      this.#send({ type: 'failed', id, error: failureData(thrown) });
    } finally {
      this.#working.delete(id);
    }
  }

  readonly #answers: Answers = {
    describe: async () => {
      const { name, version, golek, requires, options } = await this.#loaded();
      return {
        name,
        version,
        ...(golek !== undefined && { golek }),
        ...(requires && { requires }),
        takesOptions: options !== undefined,
      };
    },
    setup: async (raw) => this.#parts.setup(await this.#loaded(), raw),
    start: (_, signal) => this.#parts.start(signal),
    stop: async () => {
      this.#stopping.abort(new GolekError('shutting_down', 'the plugin is being stopped'));
      return await this.#parts.stop();
    },
    health: () => this.#parts.healthCheck(),
    request: async ({ transform, request, context }, signal) => {
      const part = this.#parts.transform(transform);
      if (!part.request) throw new TypeError(`transform '${part.name}' changes no requests`);
      return part.request(request, context, signal);
    },
    events: (batch) => this.#streams.pass(batch),
    route: async ({ route, request }, signal) => this.#parts.answerRoute(route, request, signal),
    authenticate: ({ authenticator, credentials }, signal) =>
      this.#parts.authenticator(authenticator).authenticate(credentials, signal),
    spans: async ({ exporter, spans }, signal) => {
      await this.#parts.exporter(exporter).exportSpans?.(spans, signal);
      return undefined;
    },
    metrics: async ({ exporter, metrics }, signal) => {
      await this.#parts.exporter(exporter).exportMetrics?.(metrics, signal);
      return undefined;
    },
  };
}

const loadPlugin = async (module: string): Promise<Plugin> => {
  const { default: plugin } = (await import(module)) as { readonly default?: Partial<Plugin> };
  if (typeof plugin?.setup !== 'function') {
    throw new GolekError('plugin_invalid', `module '${module}' has no plugin as its default export; use definePlugin`);
  }
  return plugin as Plugin;
};
