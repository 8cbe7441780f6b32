import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect } from 'vitest';
import { GolekError, type ErrorCode, type ModelSession, type NamedTensor, type Provider } from '@golek/providers-spi';
import { createOnnxProvider } from './index.ts';
import type { OnnxModelOptions } from './options.ts';
import { writeModel, type ModelSpec } from './onnx-writer.fixture.ts';

export const never: AbortSignal = new AbortController().signal;

/** A provider for a test file, and models written for it. */
export class TestProvider {
  readonly provider: Provider;
  #folder: Promise<string> | undefined;
  #models = 0;

  constructor(provider: Provider = createOnnxProvider({ threads: 1, executionProvider: 'cpu' })) {
    this.provider = provider;
    afterAll(async () => {
      await this.provider[Symbol.asyncDispose]();
      if (this.#folder) await rm(await this.#folder, { recursive: true });
    });
  }

  folder(): Promise<string> {
    return (this.#folder ??= mkdtemp(path.join(tmpdir(), 'golek-onnx-')));
  }

  async write(spec: ModelSpec): Promise<string> {
    return writeModel(path.join(await this.folder(), `model-${this.#models++}.onnx`), spec);
  }

  async open(model: ModelSpec | string, options?: OnnxModelOptions): Promise<ModelSession> {
    const location = typeof model === 'string' ? model : await this.write(model);
    const settings = options && { options: { ...options } };
    return this.provider.open({ name: 'm', location, ...settings }, { signal: never });
  }
}

export const run = async (
  session: ModelSession,
  inputs: readonly NamedTensor[],
  { outputs, signal = never }: { readonly outputs?: string[]; readonly signal?: AbortSignal } = {},
): Promise<NamedTensor[]> => {
  const tensors: NamedTensor[] = [];
  const request = { task: 'tensor' as const, model: 'm', inputs: [...inputs], ...(outputs && { outputs }) };
  for await (const event of session.run(request, { id: 't', signal }))
    if (event.type === 'tensor') tensors.push(event.tensor);
  return tensors;
};

export const failure = async (work: Promise<unknown> | (() => unknown), code: ErrorCode): Promise<GolekError> => {
  const error = await Promise.resolve()
    .then(() => (typeof work === 'function' ? work() : work))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  if (!(error instanceof GolekError)) throw error ?? new Error(`expected ${code}, but it worked`);
  expect(error.code).toBe(code);
  return error;
};
