import { GolekError } from '@golek/providers-spi';
import {
  asCount,
  asList,
  asObject,
  asText,
  requestJson,
  requestText,
  Upstream,
  type JsonObject,
} from '@golek/providers-spi/remote';
import type { ResolvedTriton } from '../options.ts';
import {
  ANSWER_LIMIT_MS,
  LOAD_LIMIT_MS,
  millisecondsOf,
  type ModelStatisticsEntry,
  type RepositoryModel,
  type ServerDescription,
  type TritonAdmin,
} from '../server-admin.ts';

const countIn = (object: JsonObject | undefined, name: string): number => asCount(object?.[name]) ?? 0;

const textIn = (object: JsonObject | undefined, name: string): string => asText(object?.[name]) ?? '';

/** The extensions of the protocol that are about the server itself, over REST. */
export class HttpAdmin implements TritonAdmin {
  readonly #upstream: Upstream;

  /** A load may take an hour without a byte. */
  constructor(options: ResolvedTriton) {
    this.#upstream = new Upstream({ ...options, connections: 2, idleTimeoutMs: LOAD_LIMIT_MS });
  }

  async ready(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#ask('GET', '/v2/health/ready', signal);
      return true;
    } catch (thrown) {
      const { status } = GolekError.from(thrown).details ?? {};
      // 503 by Golek, 400 by Triton.
      if (status === 503 || status === 400) return false;
      throw thrown;
    }
  }

  async metadata(signal: AbortSignal): Promise<ServerDescription> {
    const told = asObject(await this.#json('GET', '/v2', signal));
    const extensions = asList(told?.['extensions']).flatMap((name) => asText(name) ?? []);
    return { name: textIn(told, 'name'), version: textIn(told, 'version'), extensions };
  }

  async index(signal: AbortSignal): Promise<readonly RepositoryModel[]> {
    const told = asList(await this.#json('POST', '/v2/repository/index', signal)).map(asObject);
    return told.map((model) => ({
      name: textIn(model, 'name'),
      version: textIn(model, 'version'),
      state: textIn(model, 'state'),
      reason: textIn(model, 'reason'),
    }));
  }

  async load(model: string, signal: AbortSignal): Promise<void> {
    await this.#change(model, 'load', signal);
  }

  async unload(model: string, signal: AbortSignal): Promise<void> {
    await this.#change(model, 'unload', signal);
  }

  async statistics(model: string | undefined, signal: AbortSignal): Promise<readonly ModelStatisticsEntry[]> {
    const path = model === undefined ? '/v2/models/stats' : `/v2/models/${encodeURIComponent(model)}/stats`;
    const told = asObject(await this.#json('GET', path, signal, model));
    return asList(told?.['model_stats']).map((one) => {
      const entry = asObject(one);
      const counted = asObject(entry?.['inference_stats']);
      const success = asObject(counted?.['success']);
      const succeeded = countIn(success, 'count');
      return {
        name: textIn(entry, 'name'),
        version: textIn(entry, 'version'),
        inferences: countIn(entry, 'inference_count'),
        executions: countIn(entry, 'execution_count'),
        succeeded,
        failed: countIn(asObject(counted?.['fail']), 'count'),
        successMs: millisecondsOf(countIn(success, 'ns'), succeeded),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upstream[Symbol.asyncDispose]();
  }

  async #change(model: string, what: 'load' | 'unload', signal: AbortSignal): Promise<void> {
    const path = `/v2/repository/models/${encodeURIComponent(model)}/${what}`;
    await this.#ask('POST', path, signal, model, LOAD_LIMIT_MS);
  }

  #outgoing(method: 'GET' | 'POST', path: string) {
    return { method, path, ...(method === 'POST' && { body: '{}' }) };
  }

  #within(signal: AbortSignal, limitMs: number): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  }

  #ask(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    model?: string,
    limitMs = ANSWER_LIMIT_MS,
  ): Promise<string> {
    return requestText(this.#upstream, this.#outgoing(method, path), this.#within(signal, limitMs), model);
  }

  #json(method: 'GET' | 'POST', path: string, signal: AbortSignal, model?: string): Promise<unknown> {
    return requestJson(this.#upstream, this.#outgoing(method, path), this.#within(signal, ANSWER_LIMIT_MS), model);
  }
}
