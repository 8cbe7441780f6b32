import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InferenceRequest, InferenceResult } from '@golek/api';
import { golekTiny } from '@golek/model-tiny';
import { modelOf, REMOTES, upstreamTo } from '../remotes.fixture.ts';
import { startGolek, type RunningGolek } from '../running-golek.fixture.ts';
import { startGeminiService } from './gemini-service.fixture.ts';
import { writeWordChain } from './word-chain.fixture.ts';

/** A server that has a model of every provider, each under the name of its column. */
export interface Servers extends AsyncDisposable {
  readonly front: RunningGolek;
  /** What stands behind the remote providers, asked without a protocol between. */
  readonly direct: (request: InferenceRequest) => Promise<InferenceResult>;
  /** Requests that both work on. */
  readonly inFlight: () => readonly [number, number];
}

export const startServers = async (): Promise<Servers> => {
  const stack = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-pairs-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const chain = await writeWordChain(path.join(folder, 'word-chain'));
    const behind = stack.use(await startGolek());
    const gemini = stack.use(await startGeminiService());
    const front = stack.use(
      await startGolek({
        upstreams: [
          ...REMOTES.map((remote) => upstreamTo(behind, remote)),
          { id: 'gemini', type: 'gemini', baseUrl: gemini.baseUrl },
        ],
        models: {
          list: [
            { name: 'gguf', path: golekTiny.path },
            { name: 'onnx', path: chain },
            { name: 'gemini', provider: 'gemini', model: 'm' },
            { name: 'gemini-embed', provider: 'gemini', model: 'm', options: { tasks: ['embed'] } },
            ...REMOTES.map((remote) => modelOf(remote, remote, 'golek-tiny')),
            ...REMOTES.filter((provider) => !['anthropic', 'openai-responses'].includes(provider)).map((provider) => ({
              name: `${provider}-embed`,
              provider,
              model: 'golek-embed',
              options: { tasks: ['embed'] },
            })),
          ],
        },
      }),
    );
    const owned = stack.move();
    return {
      front,
      direct: behind.run,
      inFlight: () => [front.inFlight(), behind.inFlight()],
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
};
